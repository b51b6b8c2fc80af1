package publish

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// stateFile is the note in the folder of how far it has come. Its name begins with a dot, so that
// few web servers show it; there is no secret in it.
const stateFile = ".backissue.json"

// stateFormat is raised when files of the last time are not to be trusted any more.
const stateFormat = 1

// state is what a folder was published from, and how far.
type state struct {
	Format  int    `json:"format"`
	Archive string `json:"archive"` // see [store.Reader.Identity]
	Address string `json:"address"`
	Title   string `json:"title"`
	Version string `json:"version"`
	// Underway says that what has changed since is being written: where that was cut off, files may be left that
	// nobody knows of.
	Underway bool `json:"underway,omitempty"`
	progress
}

// progress is how much of the archive is in the folder.
type progress struct {
	Commit  uint64            `json:"commit"`  // see [store.Feed.Touched]
	Changes uint64            `json:"changes"` // the number of the last change
	Sources map[string]uint64 `json:"sources"` // lengths of the sources' logs
}

func (p *progress) equal(q *progress) bool {
	return p.Commit == q.Commit && p.Changes == q.Changes && maps.Equal(p.Sources, q.Sources)
}

// cutOff reports whether the last time did not come to its end.
func (s *state) cutOff() bool { return s.Archive != "" && (s.Underway || s.Format == 0) }

// same reports whether a folder of this state only needs what has changed since.
func (s *state) same(next *state) bool {
	return s.Format == next.Format && s.Archive == next.Archive && s.Address == next.Address &&
		s.Title == next.Title && s.Version == next.Version
}

// readState reads the note of a folder; the zero state where there is none.
func readState(dir string) (s state, err error) {
	data, err := os.ReadFile(filepath.Join(dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("publish to %s: %w", dir, err)
	}
	if json.Unmarshal(data, &s) != nil {
		return state{}, nil // whatever it was, everything is looked at
	}
	return s, nil
}

func (s *state) write(dir string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = replace(filepath.Join(dir, stateFile), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("publish to %s: note how far it has come: %w", dir, err)
	}
	return nil
}

// ErrForeign is returned for a folder that holds something that was not published.
var ErrForeign = errors.New("there is something else in the folder")

// claim makes the folder if it is not there, and refuses one that holds something.
func claim(dir string, overwrite bool) error {
	names, err := os.ReadDir(dir)
	names = slices.DeleteFunc(names, func(e fs.DirEntry) bool { return isNew(e.Name()) }) // cut off before all else
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = os.MkdirAll(dir, 0o755)
	case err == nil && len(names) > 0 && !overwrite:
		err = ErrForeign
	}
	if err != nil {
		return fmt.Errorf("publish to %s: %w", dir, err)
	}
	return nil
}

// Last returns the address and title with which a folder was published the last time; empty ones
// where it never was.
func Last(dir string) (address, title string, err error) {
	s, err := readState(dir)
	return s.Address, s.Title, err
}
