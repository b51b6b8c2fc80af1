//go:build linux

package bolt_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/backissue/backissue/store/storetest/crashfs"
)

var crashpoints = flag.Int("crashpoints", 240, "of how many power cuts TestCrash looks at what is left; 0 for all")

const crashArticles = 300

const errNoSpace = syscall.ENOSPC

// power cuts the power at a moment and looks at what is left.
type power struct {
	steps []step
	after [][sha256.Size]byte // digest of an archive after so many steps
}

// TestCrash records what an ingest does to the disk, cuts the power at every write and every sync of it, and
// looks at what the disk may hold then: nothing acknowledged may be missing, the check must be clean, and going
// on must give the same archive as if nothing had happened.
func TestCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it makes an archive hundreds of times")
	}
	p := &power{steps: crashSteps(crashArticles)}
	history := record(t, "ingest", 0)
	p.after = undisturbed(t, p.steps)

	random := rand.New(rand.NewPCG(6, 2))
	type point struct {
		dir, name string
		mark      int
		whole     bool
	}
	moments, all := 0, 0
	crashfs.Moments(history, crashfs.Options{SyncNames: false}, func(m *crashfs.Moment) bool {
		moments++
		all += len(m.Outcomes(random))
		return true
	})
	each := 1
	if *crashpoints > 0 {
		each = max(1, all / *crashpoints)
	}
	began := time.Now()
	points := make(chan point)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for c := range points {
				if err := p.look(t.Context(), c.dir, c.mark, c.whole); err != nil {
					t.Errorf("%s: %v", c.name, err)
				}
				os.RemoveAll(c.dir)
			}
		})
	}
	shm := t.TempDir()
	if _, err := os.Stat("/dev/shm"); err == nil {
		if shm, err = os.MkdirTemp("/dev/shm", "backissue-crash-"); err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(shm)
	}
	seen, looked := 0, 0
	random = rand.New(rand.NewPCG(6, 2)) // the same outcomes as were counted
	crashfs.Moments(history, crashfs.Options{SyncNames: false}, func(m *crashfs.Moment) bool {
		for _, outcome := range m.Outcomes(random) {
			if seen++; seen%each > 0 {
				continue
			}
			looked++
			dir := filepath.Join(shm, fmt.Sprint(looked))
			if err := m.Lay(dir, outcome); err != nil {
				t.Fatal(err)
			}
			points <- point{dir, fmt.Sprintf("operation %d, after step %d, %v", m.N, m.Mark, outcome), m.Mark, looked%4 == 0}
		}
		return !t.Failed()
	})
	close(points)
	workers.Wait()
	t.Logf("%d steps, %d moments, %d outcomes; looked at %d of them in %v", len(p.steps), moments, all, looked, time.Since(began).Round(time.Millisecond))
}

// undisturbed returns the digest of the archive after each number of steps.
func undisturbed(t *testing.T, steps []step) (after [][sha256.Size]byte) {
	t.Helper()
	db, err := openCrashing(t.TempDir(), true)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i := 0; ; i++ {
		sum, err := digest(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		if after = append(after, sum); i == len(steps) {
			return after
		}
		if err := steps[i](t.Context(), db); err != nil {
			t.Fatal(err)
		}
	}
}

// look opens what is left in a folder when so many steps had been acknowledged. -1 is before the archive was
// open for the first time. It goes on to the end if it is asked to, and else with the next step, since equal
// archives go on alike.
func (p *power) look(ctx context.Context, dir string, acknowledged int, whole bool) error {
	done := max(0, acknowledged)
	db, err := openCrashing(dir, true)
	if err != nil {
		return err
	}
	defer db.Close()
	faults, err := db.Check(ctx)
	if err != nil || len(faults) > 0 {
		return fmt.Errorf("check: %w, %q", err, faults)
	}
	sum, err := digest(ctx, db)
	if err != nil {
		return err
	}
	if sum != p.after[done] && (done == len(p.steps) || sum != p.after[done+1]) {
		return errors.New("it holds neither what was acknowledged nor that and the whole next step")
	}
	end := min(done+1, len(p.steps))
	if whole {
		end = len(p.steps)
	}
	for _, s := range p.steps[done:end] {
		if err := s(ctx, db); err != nil {
			return fmt.Errorf("going on: %w", err)
		}
	}
	if sum, err = digest(ctx, db); err != nil {
		return err
	}
	if sum != p.after[end] {
		return errors.New("going on gives another archive")
	}
	return db.Close()
}

// TestCrashDiskFull has the disk run full at every write of an ingest, of all its articles where
// -crashpoints asks for many.
func TestCrashDiskFull(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it makes an archive hundreds of times")
	}
	articles := crashArticles
	if *crashpoints > 0 && *crashpoints < 2000 {
		articles /= 6
	}
	history := record(t, "full", articles)
	if last := history[len(history)-1]; last.Kind == crashfs.Mark {
		t.Logf("the disk was full %d times", last.Mark) // as the child has counted
	}
}

// brokenArticles is how many articles come in while syncs fail.
const brokenArticles = 20

// TestCrashSyncFails has each sync of an ingest fail. What a system could not write it may take for written
// when it is asked again, so nothing may be acknowledged from then on; and what was acknowledged before must be
// on the disk, whatever becomes of the rest.
func TestCrashSyncFails(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it makes an archive dozens of times")
	}
	steps := crashSteps(brokenArticles)
	p := &power{steps: steps, after: undisturbed(t, steps)}
	for at, failed := 0, true; failed; at++ { // until so many syncs are more than there are
		history := record(t, "broken", at)
		failed = false
		var last *crashfs.Moment
		crashfs.Moments(history, crashfs.Options{SyncNames: false}, func(m *crashfs.Moment) bool {
			failed = failed || m.Last.Failed
			last = m
			return true
		})
		for i, outcome := range last.Outcomes(rand.New(rand.NewPCG(6, 3))) {
			dir := filepath.Join(t.TempDir(), fmt.Sprint(i))
			if err := last.Lay(dir, outcome); err != nil {
				t.Fatal(err)
			}
			if err := p.look(t.Context(), dir, last.Mark, true); err != nil {
				t.Errorf("sync %d failed, %v: %v", at, outcome, err)
			}
		}
	}
}
