//go:build linux

package bolt_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/backissue/backissue/store/bolt"
	"github.com/backissue/backissue/store/storetest/crashfs"
)

// The archive that is recorded is open in a process of its own, since the one that answers for the file
// system must not wait for it. The two speak in lines: what the child says is done at once.

const crashDir, crashMode, crashAt = "BACKISSUE_CRASH_DIR", "BACKISSUE_CRASH_MODE", "BACKISSUE_CRASH_AT"

// parent is the other process.
type parent struct {
	say  *os.File
	hear *bufio.Reader
}

func (p *parent) do(verb string, n int) (answer int, err error) {
	if _, err = fmt.Fprintln(p.say, verb, n); err == nil {
		_, err = fmt.Fscanln(p.hear, &answer)
	}
	return answer, err
}

// record mounts a recording file system and runs the child on it, which is told a number.
func record(t *testing.T, mode string, at int) (history []crashfs.Op) {
	t.Helper()
	if _, err := os.Stat("/dev/fuse"); err != nil || os.Geteuid() != 0 {
		t.Skip("recording what an archive writes needs /dev/fuse and the right to mount")
	}
	dir := t.TempDir()
	recorder, unmount, err := crashfs.Mount(dir)
	if err != nil {
		t.Skip("recording what an archive writes needs the right to mount: ", err)
	}
	t.Cleanup(func() {
		if err := unmount(); err != nil {
			t.Error(err)
		}
	})
	theirs, say, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	hear, mine, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestCrashChild$", "-test.v")
	child.Env = append(os.Environ(), crashDir+"="+dir, crashMode+"="+mode, fmt.Sprint(crashAt, "=", at))
	child.ExtraFiles = []*os.File{mine, theirs}
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	child.Stdout, child.Stderr = out, out
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	mine.Close()
	theirs.Close()
	answer(recorder, hear, say)
	if err := child.Wait(); err != nil {
		said, _ := os.ReadFile(out.Name())
		t.Fatalf("%v\n%s", err, said)
	}
	return recorder.History()
}

// answer does what the child says until it ends.
func answer(recorder *crashfs.Recorder, hear, say *os.File) {
	defer hear.Close()
	defer say.Close()
	for lines := bufio.NewScanner(hear); lines.Scan(); {
		var verb string
		var n, result int
		if _, err := fmt.Sscan(lines.Text(), &verb, &n); err != nil {
			return
		}
		switch verb {
		case "mark":
			recorder.Mark(n)
		case "fill":
			recorder.FailWrites(n)
		case "break":
			recorder.FailSyncs(n)
		case "hits":
			result = recorder.Hits()
		case "heal":
			result = recorder.Heal()
		}
		if _, err := fmt.Fprintln(say, result); err != nil {
			return
		}
	}
}

// TestCrashChild is the other process; by itself it does nothing.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		t.Skip("this is what the tests of crashes start in a process of its own")
	}
	p := &parent{os.NewFile(3, "say"), bufio.NewReader(os.NewFile(4, "hear"))}
	db, err := openCrashing(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	switch mode := os.Getenv(crashMode); mode {
	case "ingest":
		err = ingest(t.Context(), db, p)
	case "full":
		err = ingestFull(t.Context(), t, db, p)
	case "broken":
		err = ingestBroken(t.Context(), t, db, p)
	default:
		err = fmt.Errorf("no mode %q", mode)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// ingest marks every step when it is acknowledged; the mark 0 is that of the open archive.
func ingest(ctx context.Context, db *bolt.DB, p *parent) error {
	for i, s := range append([]step{func(context.Context, *bolt.DB) error { return nil }}, crashSteps(crashArticles)...) {
		if err := s(ctx, db); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
		if _, err := p.do("mark", i); err != nil {
			return err
		}
	}
	return nil
}

// ingestFull has the disk run full before every write of every step: the step says so, nothing of it is
// there, reading goes on, and when there is room again the step is done by the same open archive.
func ingestFull(ctx context.Context, t *testing.T, db *bolt.DB, p *parent) error {
	attempts := 0
	for i, s := range crashSteps(crashNumber(t)) {
		before, err := digest(ctx, db)
		stats, _ := db.Stats(ctx)
		if err != nil {
			return err
		}
		for k := 0; ; k++ {
			if _, err := p.do("fill", k); err != nil {
				return err
			}
			stepErr := s(ctx, db)
			now, readErr := db.Stats(ctx)
			after := before
			if readErr == nil && (k%8 == 0 || now != stats) { // which reads the whole archive
				after, readErr = digest(ctx, db)
			}
			hits, err := p.do("heal", 0)
			switch {
			case err != nil:
				return err
			case readErr != nil:
				return fmt.Errorf("step %d, disk full after %d writes: reading: %w", i, k, readErr)
			case hits == 0 && stepErr != nil:
				return fmt.Errorf("step %d: %w", i, stepErr)
			case hits > 0 && stepErr == nil:
				return fmt.Errorf("step %d, disk full after %d writes: acknowledged", i, k)
			case hits > 0 && !errors.Is(stepErr, errNoSpace):
				return fmt.Errorf("step %d, disk full after %d writes: the error does not say so: %w", i, k, stepErr)
			case hits > 0 && after != before:
				return fmt.Errorf("step %d, disk full after %d writes: part of it is there", i, k)
			}
			if hits == 0 {
				break
			}
			attempts++
		}
		if i%20 > 0 {
			continue
		}
		if faults, err := db.Check(ctx); err != nil || len(faults) > 0 {
			return fmt.Errorf("step %d: check: %w, %q", i, err, faults)
		}
	}
	t.Logf("the disk was full %d times", attempts)
	_, err := p.do("mark", attempts)
	return err
}

// ingestBroken has every sync fail from one on, and then goes on as if the disk were well again. It marks
// what is acknowledged.
func ingestBroken(ctx context.Context, t *testing.T, db *bolt.DB, p *parent) error {
	if _, err := p.do("mark", 0); err != nil {
		return err
	}
	if _, err := p.do("break", crashNumber(t)); err != nil {
		return err
	}
	failed := false
	for i, s := range crashSteps(brokenArticles) {
		stepErr := s(ctx, db)
		hits, err := p.do("hits", 0)
		if err != nil {
			return err
		}
		switch {
		case failed && stepErr == nil:
			return fmt.Errorf("step %d: acknowledged after a sync has failed", i)
		case hits > 0 && stepErr == nil:
			return fmt.Errorf("step %d: acknowledged though a sync has failed", i)
		case !failed && hits == 0 && stepErr != nil:
			return fmt.Errorf("step %d: %w", i, stepErr)
		case stepErr == nil:
			if _, err := p.do("mark", i+1); err != nil {
				return err
			}
		case !failed:
			failed = true
			if _, err := p.do("heal", 0); err != nil {
				return err
			}
			if _, err := digest(ctx, db); err != nil {
				return fmt.Errorf("step %d: reading when a sync has failed: %w", i, err)
			}
		}
	}
	return nil
}

func crashNumber(t *testing.T) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(os.Getenv(crashAt), &n); err != nil {
		t.Fatal(err)
	}
	return n
}
