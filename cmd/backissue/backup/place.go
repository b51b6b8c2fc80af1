package backup

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// storage is what keeps the files of backups. Their names have slashes: NAME/archive.db, NAME/manifest.json,
// raw/2026-11.warc.gz. A WARC file, which only grows, may be in parts: the first has its name, each other one
// that name with the place at which it begins, raw/2026-11.warc.gz.000000012345.
type storage interface {
	// prepare has it be there, and clears away what was being stored when somebody was cut off.
	prepare(ctx context.Context) error
	// list returns the lengths of all files.
	list(ctx context.Context) (map[string]int64, error)
	// read reads n bytes of a file from a place on.
	read(ctx context.Context, name string, from, n int64) (io.ReadCloser, error)
	// put stores the file at a path of this machine, which may be gone afterwards. It is there whole, and was
	// compared, or not at all.
	put(ctx context.Context, path, name string) error
	// extend adds to a WARC file, which is s.bytes() long, what it is from there to n.
	extend(ctx context.Context, s segment, from io.ReaderAt, n int64) error
	// cut takes away what a WARC file has beyond n, and returns what it is then.
	cut(ctx context.Context, s segment, n int64) (segment, error)
	// remove removes a file.
	remove(ctx context.Context, name string) error

	// work returns a folder of this machine, which need not be there, for what is to be stored of an archive
	// in the folder dir; it is best in no other file system than where it ends up.
	work(dir, name string) string
	// journal returns the folder with the WARC files with which a copy of an archive in the folder dir is
	// checked before it is stored: the stored ones, if they are in one.
	journal(dir string) string
}

// segment is a WARC file as it is stored.
type segment struct {
	name  string // without the folder
	parts []part // in order
}

// part is a part of a WARC file. What it has at and behind the beginning of the next one does not count.
type part struct {
	file      string
	at, bytes int64
}

// partFile is the name of a part.
var partFile = regexp.MustCompile(`^raw/([0-9A-Za-z-]+\.warc\.gz)(?:\.(\d{12}))?$`)

// fileAt returns the name of the part of a WARC file that begins at a place.
func fileAt(segment string, at int64) string {
	if at == 0 {
		return path.Join(rawName, segment)
	}
	return fmt.Sprintf("%s/%s.%012d", rawName, segment, at)
}

// segmentsIn returns the WARC files among files, by name.
func segmentsIn(files map[string]int64) map[string]segment {
	all := make(map[string]segment)
	for file, bytes := range files {
		m := partFile.FindStringSubmatch(file)
		if m == nil {
			continue
		}
		at, _ := strconv.ParseInt(m[2], 10, 64) // nothing is the beginning
		s := all[m[1]]
		s.name = m[1]
		s.parts = append(s.parts, part{file, at, bytes})
		all[m[1]] = s
	}
	for name, s := range all {
		slices.SortFunc(s.parts, func(a, b part) int { return cmp.Compare(a.at, b.at) })
		for i, p := range s.parts {
			if before := s.parts[:i]; p.at > (segment{name, before}).bytes() {
				s.parts = before // what is behind a gap is of no use
				break
			}
		}
		all[name] = s
	}
	return all
}

// bytes returns how long a WARC file is.
func (s segment) bytes() int64 {
	if len(s.parts) == 0 {
		return 0
	}
	last := s.parts[len(s.parts)-1]
	return last.at + last.bytes
}

// readTo writes what a WARC file has from a place to another.
func (s segment) readTo(ctx context.Context, st storage, w io.Writer, from, to int64) error {
	for i, p := range s.parts {
		begin, end := max(from, p.at), to
		if i+1 < len(s.parts) {
			end = min(to, s.parts[i+1].at)
		}
		if begin >= end {
			continue
		}
		if err := copyFrom(ctx, st, w, p.file, begin-p.at, end-begin); err != nil {
			return err
		}
	}
	if s.bytes() < to {
		return fmt.Errorf("read %s/%s: %d bytes are there of %d", rawName, s.name, s.bytes(), to)
	}
	return nil
}

// copyFrom writes n bytes of a file, from a place on.
func copyFrom(ctx context.Context, st storage, w io.Writer, name string, from, n int64) error {
	r, err := st.read(ctx, name, from, n)
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := io.Copy(w, stoppable{ctx, io.LimitReader(r, n)})
	if err == nil && got < n {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// isBackup reports whether a name is one that backups have.
func isBackup(name string) bool {
	_, err := time.Parse(Layout, name)
	return err == nil
}

// ours reports whether a file is of backups.
func ours(name string) bool {
	folder, file, _ := strings.Cut(name, "/")
	return isBackup(folder) && (file == archiveName || file == manifestName) || partFile.MatchString(name)
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
