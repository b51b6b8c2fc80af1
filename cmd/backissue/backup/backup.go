// Package backup keeps copies of an archive in a folder, and brings one back.
//
// A folder of backups holds a folder for each, named by when it was made, with the archive's file and a
// manifest; and raw/, the WARC files that all of them share, since these only grow. So a backup costs the
// archive's file and what is new of the others. What has no manifest is no backup: it was cut off.
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
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

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

// Manifest says what a backup holds.
type Manifest struct {
	Name     string    `json:"name"`
	Made     time.Time `json:"made"`
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

// Source is an archive that can be copied while it is in use.
type Source interface {
	// CopyTo is [bolt.DB.CopyTo].
	CopyTo(ctx context.Context, path string) ([]bolt.Segment, error)
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

// clear removes what backups that were cut off have left: folders, and of the WARC files what no backup has.
func clear(to string, list []Manifest) error {
	parts, err := partsIn(to)
	for _, part := range parts {
		err = errors.Join(err, os.RemoveAll(part))
	}
	known := make(map[string]int64)
	for _, m := range list {
		for _, f := range m.Raw {
			known[f.Name] = max(known[f.Name], f.Bytes)
		}
	}
	files, readErr := os.ReadDir(filepath.Join(to, rawName))
	if errors.Is(readErr, os.ErrNotExist) {
		return err
	}
	err = errors.Join(err, readErr)
	for _, f := range files {
		info, statErr := f.Info()
		if err = errors.Join(err, statErr); statErr == nil && f.Type().IsRegular() && info.Size() > known[f.Name()] {
			err = errors.Join(err, os.Truncate(filepath.Join(to, rawName, f.Name()), known[f.Name()]))
		}
	}
	return err
}

// partsIn returns the folders of backups that were not finished.
func partsIn(to string) (parts []string, err error) {
	entries, err := os.ReadDir(to)
	for _, e := range entries {
		name, part := strings.CutSuffix(e.Name(), partSuffix)
		if _, err := time.Parse(Layout, name); part && err == nil {
			parts = append(parts, filepath.Join(to, e.Name()))
		}
	}
	return parts, err
}

// Make makes a backup of an archive, whose WARC files are in the folder raw, in the folder to, and returns what
// it holds and how many bytes were copied. Before it counts, the copy is opened and checked: faults are what is
// wrong with it, and then there is no backup. What an earlier one has left that was cut off is cleared away, so
// only one may be made in a folder at a time.
func Make(ctx context.Context, from Source, raw, to string, now time.Time) (m Manifest, copied int64, faults []string, err error) {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return m, 0, nil, fmt.Errorf("back up: %w", err)
	}
	list, err := List(to)
	if err == nil {
		err = clear(to, list)
	}
	if err != nil {
		return m, 0, nil, fmt.Errorf("back up: %w", err)
	}
	m = Manifest{Name: nameAfter(list, now), Made: now.UTC().Truncate(time.Second)}
	final := filepath.Join(to, m.Name)
	part := final + partSuffix
	if err := errors.Join(os.RemoveAll(final), os.Mkdir(part, 0o700)); err != nil { // final has no manifest
		return m, 0, nil, fmt.Errorf("back up: %w", err)
	}
	defer os.RemoveAll(part) // it is no backup, unless it has its own name by then
	m, copied, err = fill(ctx, from, raw, to, part, m)
	if err == nil {
		faults, err = verify(ctx, filepath.Join(part, archiveName), filepath.Join(to, rawName), &m)
	}
	if err != nil || len(faults) > 0 {
		return m, copied, faults, err
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err == nil {
		err = writeSynced(filepath.Join(part, manifestName), append(data, '\n'))
	}
	if err = errors.Join(err, SyncFolder(part)); err == nil {
		err = os.Rename(part, final)
	}
	if err = errors.Join(err, SyncFolder(to)); err != nil {
		return m, copied, nil, fmt.Errorf("back up: %w", err)
	}
	return m, copied, nil, nil
}

// fill copies the files.
func fill(ctx context.Context, from Source, raw, to, part string, m Manifest) (Manifest, int64, error) {
	segments, err := from.CopyTo(ctx, filepath.Join(part, archiveName))
	if err != nil {
		return m, 0, err
	}
	m.Archive, err = describe(filepath.Join(part, archiveName))
	if err != nil {
		return m, 0, err
	}
	copied := m.Archive.Bytes
	if err := os.MkdirAll(filepath.Join(to, rawName), 0o700); err != nil {
		return m, copied, fmt.Errorf("back up: %w", err)
	}
	for _, s := range segments {
		n, err := extend(ctx, filepath.Join(raw, s.Name), filepath.Join(to, rawName, s.Name), s.Bytes)
		if copied += n; err != nil {
			return m, copied, fmt.Errorf("back up %s: %w", s.Name, err)
		}
		m.Raw = append(m.Raw, File{Name: s.Name, Bytes: s.Bytes})
	}
	return m, copied, SyncFolder(filepath.Join(to, rawName))
}

// extend makes a copy of a file that only grows as long as the first n bytes of it.
func extend(ctx context.Context, from, to string, n int64) (copied int64, err error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	have, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	if err := continues(in, out, min(have, n)); err != nil || have >= n {
		return 0, err
	}
	copied, err = io.Copy(out, stoppable{ctx, io.NewSectionReader(in, have, n-have)})
	return copied, errors.Join(err, out.Sync())
}

// continues makes sure that two files are the same where the shorter ends: an archive that was brought back
// from a backup, and has gone another way since, must not be mixed with what came after that backup.
func continues(a, b io.ReaderAt, end int64) error {
	begin := max(0, end-overlap)
	x, y := make([]byte, end-begin), make([]byte, end-begin)
	if _, err := a.ReadAt(x, begin); err != nil {
		return err
	}
	if _, err := b.ReadAt(y, begin); err != nil {
		return err
	}
	if !bytes.Equal(x, y) {
		return ErrOther
	}
	return nil
}

// verify opens a copy and checks it.
func verify(ctx context.Context, path, raw string, m *Manifest) ([]string, error) {
	db, err := bolt.Open(path, &bolt.Options{Raw: raw, ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("open the copy: %w", err)
	}
	defer db.Close()
	stats, err := db.Stats(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the copy: %w", err)
	}
	m.Articles, m.Sequence = stats.Articles, stats.Sequence
	return db.Check(ctx)
}

// List returns the backups in a folder, the oldest first.
func List(folder string) ([]Manifest, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("look for backups: %w", err)
	}
	var list []Manifest
	for _, e := range entries {
		if _, err := time.Parse(Layout, e.Name()); err != nil || !e.IsDir() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(folder, e.Name(), manifestName))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		var m Manifest
		if err == nil {
			err = json.Unmarshal(data, &m)
		}
		if err != nil {
			return nil, fmt.Errorf("read the backup %s: %w", e.Name(), err)
		}
		list = append(list, m)
	}
	return list, nil
}

// Keep removes all backups in a folder but the newest n. The WARC files, which the newest needs, stay.
func Keep(folder string, n int) (removed int, err error) {
	list, err := List(folder)
	if err != nil {
		return 0, err
	}
	for _, m := range list[:max(0, len(list)-n)] {
		if err := os.RemoveAll(filepath.Join(folder, m.Name)); err != nil {
			return removed, fmt.Errorf("remove the backup %s: %w", m.Name, err)
		}
		removed++
	}
	return removed, nil
}

// Find returns the backup of this name in a folder, the newest one where the name is empty, or [ErrNone].
func Find(folder, name string) (Manifest, error) {
	list, err := List(folder)
	if err != nil {
		return Manifest{}, err
	}
	if name == "" && len(list) > 0 {
		return list[len(list)-1], nil
	}
	if i := slices.IndexFunc(list, func(m Manifest) bool { return m.Name == name }); i >= 0 {
		return list[i], nil
	}
	return Manifest{}, fmt.Errorf("backup %q in %s: %w", name, folder, ErrNone)
}

// Restore brings a backup back into the folder dir, in which there must be no archive. Before the archive has
// its name it is compared with the manifest, opened and checked; faults are what is wrong with it, and then
// there is none.
func Restore(ctx context.Context, folder string, m Manifest, dir string) (faults []string, err error) {
	path := filepath.Join(dir, archiveName)
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("restore to %s: there is an archive", dir)
	}
	whole := filepath.Join(dir, rawName)
	if entries, err := os.ReadDir(whole); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("restore to %s: the journal of an archive is there", dir)
	}
	raw := whole + partSuffix
	if err := errors.Join(os.RemoveAll(raw), os.MkdirAll(raw, 0o700)); err != nil { // of a restore that was cut off
		return nil, fmt.Errorf("restore: %w", err)
	}
	defer os.RemoveAll(raw)
	for _, s := range m.Raw {
		if _, err := extend(ctx, filepath.Join(folder, rawName, s.Name), filepath.Join(raw, s.Name), s.Bytes); err != nil {
			return nil, fmt.Errorf("restore %s: %w", s.Name, err)
		}
	}
	part := path + partSuffix
	_ = os.Remove(part) // of a restore that was cut off
	defer os.Remove(part)
	if _, err := extend(ctx, filepath.Join(folder, m.Name, archiveName), part, m.Archive.Bytes); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	got, err := describe(part)
	if err != nil {
		return nil, err
	}
	if got.SHA256 != m.Archive.SHA256 {
		return []string{fmt.Sprintf("%s of the backup %s is not what was backed up", archiveName, m.Name)}, nil
	}
	if faults, err = verify(ctx, part, raw, &Manifest{}); err != nil || len(faults) > 0 {
		return faults, err
	}
	if err := os.Remove(whole); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("restore: %w", err)
	}
	// Where it ends between the two, there is a journal from which the archive can be made anew.
	if err := errors.Join(SyncFolder(raw), os.Rename(raw, whole), os.Rename(part, path), SyncFolder(dir)); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	return nil, nil
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

// SyncFolder has the names in a folder be on disk.
func SyncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// stoppable reads until a context ends.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s stoppable) Read(p []byte) (int, error) {
	if err := context.Cause(s.ctx); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}
