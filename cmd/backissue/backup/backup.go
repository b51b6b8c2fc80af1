// Package backup keeps copies of an archive in a folder or in S3-compatible storage, and brings one back.
//
// There is a folder for each backup, named by when it was made, with the archive's file and a manifest; and
// raw/, the WARC files that all of them share, since these only grow. So a backup costs the archive's file and
// what is new of the others. The manifest comes last: what has none is no backup, it was cut off.
package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store/bolt"
)

const (
	archiveName  = "archive.db"
	manifestName = "manifest.json"
	rawName      = "raw"
	partSuffix   = ".part"

	// Layout is how backups are named: the time in UTC at which they were begun.
	Layout = "20060102T150405Z"
)

// Errors that callers tell apart.
var (
	ErrNone  = errors.New("there is no such backup")
	ErrOther = errors.New("the copy that is there is of another archive, or of one that has gone another way")
)

// overlap is how much of what was copied before is compared when more is added to it.
const overlap = 64 << 10

// maxManifest bounds what is read as a manifest: a thousand WARC files have room in it.
const maxManifest = 1 << 20

// Manifest says what a backup holds.
type Manifest struct {
	Name     string    `json:"name"`
	Made     time.Time `json:"made"`
	Identity string    `json:"identity,omitempty"` // of the archive; old ones do not say
	Archive  File      `json:"archive"`
	Raw      []File    `json:"raw"`
	Articles uint64    `json:"articles"`
	Sequence uint64    `json:"sequence"`
}

// File is a file of a backup: so many bytes of it, and what they are.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256,omitempty"` // of the archive's file; WARC files have digests of their own
}

// Bytes returns how many bytes are needed to bring the backup back.
func (m *Manifest) Bytes() int64 {
	n := m.Archive.Bytes
	for _, f := range m.Raw {
		n += f.Bytes
	}
	return n
}

// Source is an archive that can be copied while it is in use.
type Source interface {
	// CopyTo is [bolt.DB.CopyTo].
	CopyTo(ctx context.Context, path string) ([]bolt.Segment, error)
	// Identity is [bolt.DB.Identity].
	Identity(ctx context.Context) (feed.UUID, error)
}

// Place is where backups are kept.
type Place struct {
	storage
	where string

	// Verify looks at a copy before it counts; nil is [Look]. It takes memory and time in proportion to the
	// archive, which whoever serves one meanwhile may want another process to spend.
	Verify func(ctx context.Context, archive, raw string) (Verdict, error)
}

// Verdict is what is found out about a copy.
type Verdict struct {
	Articles uint64   `json:"articles"`
	Sequence uint64   `json:"sequence"`
	Faults   []string `json:"faults"` // what is wrong with it
}

// At returns the place at an address: the path of a folder, or s3://BUCKET/PREFIX. What it takes to get there
// is named by the variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and
// AWS_ENDPOINT_URL.
func At(where string, getenv func(string) string) (*Place, error) {
	if !Remote(where) {
		return &Place{storage: folder(where), where: where}, nil
	}
	b, err := openBucket(where, getenv)
	if err != nil {
		return nil, err
	}
	return &Place{storage: b, where: where}, nil
}

// Remote reports whether an address is no path.
func Remote(where string) bool { return strings.HasPrefix(where, scheme) }

// Make makes a backup of an archive in the folder dir, and returns what it holds and how many bytes were
// stored. Before it counts, the copy is opened and checked: faults are what is wrong with it, and then there is
// no backup. What an earlier one has left that was cut off is cleared away, so only one may be made in a place
// at a time.
func (p *Place) Make(ctx context.Context, from Source, dir string, now time.Time) (m Manifest, stored int64, faults []string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("back up: %w", err)
		}
	}()
	if err := p.prepare(ctx); err != nil {
		return m, 0, nil, err
	}
	list, files, err := p.look(ctx)
	if err != nil {
		return m, 0, nil, err
	}
	m = Manifest{Name: nameAfter(list, now), Made: now.UTC().Truncate(time.Second)}
	id, err := from.Identity(ctx)
	if err != nil {
		return m, 0, nil, err
	}
	m.Identity = hex.EncodeToString(id[:])
	if len(list) > 0 {
		if last := list[len(list)-1].Identity; last != m.Identity && last != "" {
			return m, 0, nil, ErrOther
		}
	}
	segments, err := p.clear(ctx, list, files)
	if err != nil {
		return m, 0, nil, err
	}
	work := p.work(dir, m.Name)
	if err := errors.Join(os.RemoveAll(work), os.Mkdir(work, 0o700)); err != nil {
		return m, 0, nil, err
	}
	defer os.RemoveAll(work)
	return p.fill(ctx, from, dir, work, segments, m)
}

// fill makes the backup by way of the folder work.
func (p *Place) fill(ctx context.Context, from Source, dir, work string, there map[string]segment, m Manifest) (_ Manifest, stored int64, faults []string, err error) {
	copied := filepath.Join(work, archiveName)
	list, err := from.CopyTo(ctx, copied)
	if err != nil {
		return m, 0, nil, err
	}
	if m.Archive, err = describe(copied); err != nil {
		return m, 0, nil, err
	}
	for _, s := range list {
		has := there[s.Name]
		has.name = s.Name
		n, err := p.grow(ctx, filepath.Join(dir, rawName, s.Name), has, s.Bytes)
		if stored += n; err != nil {
			return m, stored, nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		m.Raw = append(m.Raw, File{Name: s.Name, Bytes: s.Bytes})
	}
	look := p.Verify
	if look == nil {
		look = Look
	}
	v, err := look(ctx, copied, p.journal(dir))
	if m.Articles, m.Sequence = v.Articles, v.Sequence; err != nil || len(v.Faults) > 0 {
		return m, stored, v.Faults, err
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m, stored, nil, err // unreachable: it always can be written
	}
	manifest := filepath.Join(work, manifestName)
	if err := writeSynced(manifest, append(data, '\n')); err != nil {
		return m, stored, nil, err
	}
	if err := p.put(ctx, copied, m.Name+"/"+archiveName); err != nil {
		return m, stored, nil, err
	}
	stored += m.Archive.Bytes
	return m, stored, nil, p.put(ctx, manifest, m.Name+"/"+manifestName)
}

// grow makes what is stored of a file that only grows as long as its first n bytes.
func (p *Place) grow(ctx context.Context, path string, has segment, n int64) (stored int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	have := has.bytes()
	if err := p.continues(ctx, file, has, min(have, n)); err != nil || have >= n {
		return 0, err
	}
	return n - have, p.extend(ctx, has, file, n)
}

// continues makes sure that a file and what is stored of it are the same where the shorter ends: an archive
// that was brought back from a backup, and has gone another way since, must not be mixed with what came after
// that backup.
func (p *Place) continues(ctx context.Context, file io.ReaderAt, has segment, end int64) error {
	begin := max(0, end-overlap)
	x := make([]byte, end-begin)
	if _, err := file.ReadAt(x, begin); err != nil {
		return err
	}
	var y bytes.Buffer
	if err := has.readTo(ctx, p.storage, &y, begin, end); err != nil {
		return err
	}
	if !bytes.Equal(x, y.Bytes()) {
		return ErrOther
	}
	return nil
}

// nameAfter returns the name of a backup that is made now: behind all that are there, also where the clock has
// gone back, since the last by name is the newest.
func nameAfter(list []Manifest, now time.Time) string {
	name := now.UTC().Format(Layout)
	if len(list) == 0 || name > list[len(list)-1].Name {
		return name
	}
	last, err := time.Parse(Layout, list[len(list)-1].Name)
	if err != nil {
		return name // unreachable: List takes no other names
	}
	return last.Add(time.Second).Format(Layout)
}

// look returns the backups, the oldest first, and the lengths of all files.
func (p *Place) look(ctx context.Context) (all []Manifest, files map[string]int64, err error) {
	if files, err = p.list(ctx); err != nil {
		return nil, nil, err
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		name, manifest := strings.CutSuffix(file, "/"+manifestName)
		if !manifest {
			continue
		}
		var data bytes.Buffer
		if files[file] > maxManifest {
			return nil, nil, fmt.Errorf("read the backup %s: its manifest is none", name)
		}
		if err := copyFrom(ctx, p.storage, &data, file, 0, files[file]); err != nil {
			return nil, nil, err
		}
		var m Manifest
		if err := json.Unmarshal(data.Bytes(), &m); err != nil {
			return nil, nil, fmt.Errorf("read the backup %s: %w", name, err)
		}
		// What it says becomes paths.
		strange := m.Name != name || m.Archive.Bytes < 0
		for _, f := range m.Raw {
			strange = strange || f.Bytes < 0 || !partFile.MatchString(fileAt(f.Name, 0))
		}
		if strange {
			return nil, nil, fmt.Errorf("read the backup %s: its manifest is none", name)
		}
		all = append(all, m)
	}
	return all, files, nil
}

// clear removes what no backup has, because it was cut off or removed: files, and of the WARC files what is
// beyond what any backup needs. It returns what is there of these.
func (p *Place) clear(ctx context.Context, list []Manifest, files map[string]int64) (map[string]segment, error) {
	known := make(map[string]int64)
	for _, m := range list {
		for _, f := range m.Raw {
			known[f.Name] = max(known[f.Name], f.Bytes)
		}
	}
	for file := range files {
		name, _, _ := strings.Cut(file, "/")
		if name == rawName || slices.ContainsFunc(list, func(m Manifest) bool { return m.Name == name }) {
			continue
		}
		if err := p.remove(ctx, file); err != nil {
			return nil, err
		}
	}
	segments := segmentsIn(files)
	for name, s := range segments {
		left, err := p.cut(ctx, s, known[name])
		if err != nil {
			return nil, err
		}
		segments[name] = left
	}
	return segments, nil
}

// List returns the backups, the oldest first.
func (p *Place) List(ctx context.Context) ([]Manifest, error) {
	all, _, err := p.look(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for backups: %w", err)
	}
	return all, nil
}

// Keep removes all backups but the newest n, and what was received that only they had. Nobody may make one
// meanwhile.
func (p *Place) Keep(ctx context.Context, n int) (removed int, err error) {
	list, files, err := p.look(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for backups: %w", err)
	}
	old := max(0, len(list)-n)
	for _, m := range list[:old] {
		if err := p.remove(ctx, m.Name+"/"+manifestName); err != nil {
			return removed, fmt.Errorf("remove the backup %s: %w", m.Name, err)
		}
		removed++
		delete(files, m.Name+"/"+manifestName)
	}
	if _, err := p.clear(ctx, list[old:], files); err != nil {
		return removed, fmt.Errorf("remove what is of no backup: %w", err)
	}
	return removed, nil
}

// Find returns the backup of this name, the newest one where the name is empty, or [ErrNone].
func (p *Place) Find(ctx context.Context, name string) (Manifest, error) {
	list, err := p.List(ctx)
	if err != nil {
		return Manifest{}, err
	}
	if name == "" && len(list) > 0 {
		return list[len(list)-1], nil
	}
	if i := slices.IndexFunc(list, func(m Manifest) bool { return m.Name == name }); i >= 0 {
		return list[i], nil
	}
	if name == "" {
		return Manifest{}, fmt.Errorf("%s: %w", p.where, ErrNone)
	}
	return Manifest{}, fmt.Errorf("backup %q in %s: %w", name, p.where, ErrNone)
}

// Look opens a copy of an archive, which is not written, and checks it.
func Look(ctx context.Context, archive, raw string) (v Verdict, err error) {
	db, err := bolt.Open(archive, &bolt.Options{Raw: raw, ReadOnly: true})
	if err != nil {
		return v, fmt.Errorf("open the copy: %w", err)
	}
	defer db.Close()
	stats, err := db.Stats(ctx)
	if err != nil {
		return v, fmt.Errorf("read the copy: %w", err)
	}
	v.Articles, v.Sequence = stats.Articles, stats.Sequence
	v.Faults, err = db.Check(ctx)
	return v, err
}

func describe(path string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return File{}, fmt.Errorf("read %s: %w", path, err)
	}
	return File{Name: filepath.Base(path), Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}
