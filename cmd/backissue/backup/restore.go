package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// restoringName is the folder, beside where the archive is to be, in which it is brought back and checked
// before it has its place.
const restoringName = "restoring"

// Bring brings a backup back into a folder within the folder dir, where it is compared with the manifest,
// opened and checked: faults are what is wrong with it, and then nothing is there. [Settle] puts it in its
// place.
func (p *Place) Bring(ctx context.Context, m Manifest, dir string) (faults []string, err error) {
	if err := undo(dir); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	at := filepath.Join(dir, restoringName)
	defer func() {
		if err != nil || len(faults) > 0 {
			_ = os.RemoveAll(at) // the next one does it otherwise
		}
	}()
	raw := filepath.Join(at, rawName)
	if err := os.MkdirAll(raw, 0o700); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	files, err := p.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	segments := segmentsIn(files)
	for _, f := range m.Raw {
		s := segments[f.Name]
		s.name = f.Name
		err := create(filepath.Join(raw, f.Name), func(file *os.File) error { return s.readTo(ctx, p.storage, file, 0, f.Bytes) })
		if err != nil {
			return nil, fmt.Errorf("restore: %w", err)
		}
	}
	path := filepath.Join(at, archiveName)
	err = create(path, func(file *os.File) error {
		return copyFrom(ctx, p.storage, file, m.Name+"/"+archiveName, 0, m.Archive.Bytes)
	})
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	got, err := describe(path)
	if err != nil {
		return nil, err
	}
	if got.SHA256 != m.Archive.SHA256 {
		return []string{fmt.Sprintf("%s of the backup %s is not what was backed up", archiveName, m.Name)}, nil
	}
	if v, err := Look(ctx, path, raw); err != nil || len(v.Faults) > 0 {
		return v.Faults, err
	}
	data, err := json.Marshal(m)
	if err == nil {
		err = writeSynced(filepath.Join(at, manifestName), data)
	}
	if err = errors.Join(err, SyncFolder(raw), SyncFolder(at)); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	return nil, nil
}

// Settle puts what [Place.Bring] has brought to a folder in its place, where there must be no archive.
func Settle(dir string) error {
	if Occupied(dir) {
		return fmt.Errorf("restore to %s: there is an archive", dir)
	}
	at, raw := filepath.Join(dir, restoringName), filepath.Join(dir, rawName)
	if err := os.Remove(raw); err != nil && !errors.Is(err, os.ErrNotExist) { // an empty one
		return fmt.Errorf("restore: %w", err)
	}
	// Where it ends between the two, CutOff says so, and to do it again begins anew.
	if err := errors.Join(os.Rename(filepath.Join(at, rawName), raw), SyncFolder(dir)); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	err := errors.Join(os.Rename(filepath.Join(at, archiveName), filepath.Join(dir, archiveName)), SyncFolder(dir))
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	_ = os.RemoveAll(at) // nothing that matters is in it
	return nil
}

// Occupied reports whether there is an archive in a folder, or something else that a backup must not take the
// place of: the journal of one.
func Occupied(dir string) bool {
	if exists(filepath.Join(dir, archiveName)) {
		return true
	}
	entries, err := os.ReadDir(filepath.Join(dir, rawName))
	return (len(entries) > 0 || err != nil && !errors.Is(err, os.ErrNotExist)) && !halfway(dir)
}

// CutOff reports whether a restore to a folder began and did not end. To do it again brings it to its end.
func CutOff(dir string) bool {
	return exists(filepath.Join(dir, restoringName)) && !Occupied(dir)
}

// undo takes back what a restore has left that was cut off.
func undo(dir string) error {
	at := filepath.Join(dir, restoringName)
	if halfway(dir) {
		if err := os.Rename(filepath.Join(dir, rawName), filepath.Join(at, rawName)); err != nil {
			return err
		}
	}
	return os.RemoveAll(at)
}

// halfway reports whether a restore was cut off when of two things one had its place: the WARC files, just as
// long as they were brought back. If they have grown since, they are somebody's journal.
func halfway(dir string) bool {
	at := filepath.Join(dir, restoringName)
	if exists(filepath.Join(dir, archiveName)) || exists(filepath.Join(at, rawName)) || !exists(filepath.Join(at, archiveName)) {
		return false
	}
	var m Manifest
	data, err := os.ReadFile(filepath.Join(at, manifestName))
	if err != nil || json.Unmarshal(data, &m) != nil {
		return false
	}
	entries, err := os.ReadDir(filepath.Join(dir, rawName))
	if err != nil || len(entries) != len(m.Raw) {
		return false
	}
	for _, f := range m.Raw {
		info, err := os.Lstat(filepath.Join(dir, rawName, filepath.Base(f.Name)))
		if err != nil || !info.Mode().IsRegular() || info.Size() != f.Bytes {
			return false
		}
	}
	return true
}

// exists reports whether there is something, as far as can be seen.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, os.ErrNotExist)
}

// create makes a file and has it be on disk.
func create(path string, fill func(*os.File) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := fill(file); err != nil {
		return errors.Join(err, file.Close())
	}
	return errors.Join(file.Sync(), file.Close())
}
