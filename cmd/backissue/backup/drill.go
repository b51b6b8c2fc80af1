package backup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/backissue/backissue/store/bolt"
)

// Step is a step of a drill that went well.
type Step struct {
	Name string // what was done, in words
	Took time.Duration
}

// Drill brings a backup back as one would who has lost everything, in a new folder within the folder dir (the
// system's for temporary files, if it is empty) that is gone afterwards. It checks the archive whole, makes
// another one from its WARC files alone, and compares what the two export byte for byte. done hears of each
// step when it is over. faults are what does not hold.
func (p *Place) Drill(ctx context.Context, m Manifest, dir string, done func(Step)) (faults []string, err error) {
	dir, err = os.MkdirTemp(dir, "backissue-drill-")
	if err != nil {
		return nil, fmt.Errorf("drill: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	began := time.Now()
	step := func(name string) {
		done(Step{name, time.Since(began)})
		began = time.Now()
	}
	if faults, err = p.Bring(ctx, m, dir); err != nil || len(faults) > 0 {
		return faults, err
	}
	step("brought back and checked")
	raw := filepath.Join(dir, restoringName, rawName)
	first, second := filepath.Join(dir, restoringName, archiveName), filepath.Join(dir, "rebuilt.db")
	if err := bolt.Rebuild(ctx, raw, second, nil); err != nil {
		return []string{err.Error()}, context.Cause(ctx)
	}
	step("made anew from its WARC files")
	line, err := differ(ctx, raw, first, second)
	if err != nil {
		return nil, fmt.Errorf("drill: %w", err)
	}
	if line > 0 {
		return []string{fmt.Sprintf("what the backup exports, and what its journal does, differ in line %d", line)}, nil
	}
	step("compared with that")
	return nil, nil
}

// differ returns the first line in which the exports of two archives differ, which share their WARC files; 0
// for none.
func differ(ctx context.Context, raw string, paths ...string) (line int, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var exports []*bufio.Reader
	for _, path := range paths {
		db, err := bolt.Open(path, &bolt.Options{Raw: raw, ReadOnly: true})
		if err != nil {
			return 0, err
		}
		defer db.Close()
		r, w := io.Pipe()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.CloseWithError(db.Export(ctx, w, true, nil))
		}()
		defer func() { // before its archive is closed
			_ = r.Close()
			<-ended
		}()
		exports = append(exports, bufio.NewReaderSize(r, 256<<10))
	}
	return firstDifference(exports[0], exports[1])
}

// firstDifference returns the number of the first line in which two texts differ, 0 for none.
func firstDifference(a, b *bufio.Reader) (line int, err error) {
	for line = 1; ; {
		x, err := a.ReadSlice('\n')
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return 0, err
		}
		end := err == io.EOF
		y, err := b.Peek(max(1, len(x)))
		if err != nil && err != io.EOF {
			return 0, err
		}
		switch {
		case end && len(x) == 0 && len(y) == 0:
			return 0, nil
		case string(x) != string(y):
			return line, nil
		}
		if _, err := b.Discard(len(x)); err != nil {
			return 0, err
		}
		if x[len(x)-1] == '\n' {
			line++
		}
	}
}
