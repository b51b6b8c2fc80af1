package scheduler_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
	"github.com/backissue/backissue/scheduler/fetch"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

var (
	manySources = flag.Int("sources", 0, "how many sources TestMillion polls, such as 1000000; 0 skips it")
	manyFor     = flag.Duration("for", 5*time.Minute, "how long TestMillion polls them")
	manyRate    = flag.Int("rate", 300, "how many sources come due each second in TestMillion")
	manyWait    = flag.Duration("latency", 200*time.Millisecond, "how long the server of TestMillion takes to answer")
	manyIn      = flag.String("archive", "", "folder of TestMillion's archive, kept for the next time; temporary if empty")
)

const (
	millionHosts = 5000
	serveEnv     = "BACKISSUE_TEST_SERVE_304" // set in the process that serves
)

// TestMillionServer is the server of TestMillion, in a process of its own: 304 to everything.
func TestMillionServer(t *testing.T) {
	wait, err := time.ParseDuration(os.Getenv(serveEnv))
	if err != nil {
		t.Skip("it is TestMillion that has this run")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(os.Stderr, "at %s\n", l.Addr())
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(wait)
		w.WriteHeader(http.StatusNotModified)
	})}
	t.Error(srv.Serve(l))
}

// serve304 starts the server and returns its address and process.
func serve304(t *testing.T) (string, *os.Process) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestMillionServer$", "-test.timeout=0")
	c.Env = append(os.Environ(), serveEnv+"="+manyWait.String())
	out, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	var at string
	if _, err := fmt.Fscanf(out, "at %s\n", &at); err != nil {
		t.Fatal(err)
	}
	return at, c.Process
}

// cpu returns the processor time that a process has taken, as Linux counts it.
func cpu(t *testing.T, pid int) time.Duration {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Skip(err)
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// memory returns a line of the kernel's account of our memory.
func memory(name string) string {
	raw, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// TestMillion polls very many sources with a real archive, over real connections to 5000 host names on one
// loopback server, and tells what that costs:
//
//	go test ./scheduler -run 'TestMillion$' -v -timeout 0 -sources 1000000 -for 10m -archive /var/tmp/million
func TestMillion(t *testing.T) {
	if *manySources == 0 {
		t.Skip("takes long; -sources 1000000 has it run")
	}
	dir := *manyIn
	if dir == "" {
		dir = t.TempDir()
	}
	path := filepath.Join(dir, fmt.Sprintf("%d.db", *manySources))
	fill(t, path)
	at, server := serve304(t)

	began := time.Now()
	db, err := bolt.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	shift, some, err := db.NextDue(t.Context())
	if err != nil || !some {
		t.Fatal(some, err)
	}
	// The scheduler's clock is put to 40 seconds before the first of the sources comes due.
	offset := time.Until(shift.Add(-40 * time.Second))
	now := func() time.Time { return time.Now().Add(offset) }

	var (
		mu   sync.Mutex
		late []time.Duration
		bad  int
	)
	c := &counting{Store: db, reads: make(map[string]int)}
	watched := &lateness{Store: c, now: now, late: func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		late = append(late, d)
	}}
	var dialer net.Dialer
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, at)
		},
		MaxIdleConns: 256, IdleConnTimeout: 10 * time.Second,
	}
	s := &scheduler.Scheduler{
		Store: watched, Now: now, Fetch: &fetch.Client{HTTP: &http.Client{Transport: transport}},
		Ended: func(e scheduler.Event) {
			if e.Outcome != scheduler.Unchanged {
				mu.Lock()
				bad++
				mu.Unlock()
			}
		},
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for watched.looks.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	t.Logf("start-up, until it sleeps: %v", time.Since(began).Round(time.Millisecond))

	ours := os.Getpid()
	time.Sleep(time.Second)
	idle := cpu(t, ours)
	time.Sleep(30 * time.Second)
	t.Logf("idle: %.2f %% of a core; memory %s", 100*(cpu(t, ours)-idle).Seconds()/30, memory("VmRSS"))

	time.Sleep(max(0, shift.Sub(now())))
	mine, its, edition := cpu(t, ours), cpu(t, server.Pid), db.Edition()
	begun := time.Now()
	time.Sleep(*manyFor)
	took := time.Since(begun).Seconds()
	mine, its = cpu(t, ours)-mine, cpu(t, server.Pid)-its
	commits := db.Edition() - edition
	mu.Lock()
	seen := slices.Clone(late)
	mu.Unlock()
	stop()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if len(seen) == 0 {
		t.Fatal("nothing was polled")
	}
	slices.Sort(seen)
	t.Logf("%d sources, %d due a second, latency %v, for %v", *manySources, *manyRate, *manyWait, *manyFor)
	t.Logf("%.1f polls a second, %d not answered by 304", float64(len(seen))/took, bad)
	t.Logf("lateness: median %v, 99 %% %v, most %v", seen[len(seen)/2], seen[len(seen)*99/100], seen[len(seen)-1])
	t.Logf("%.1f commits a second", float64(commits)/took)
	t.Logf("processor: %.1f %% of a core ours, %.1f %% the server's", 100*mine.Seconds()/took, 100*its.Seconds()/took)
	t.Logf("memory: %s at most (%s of it not the file's), %s of Go's heap", memory("VmHWM"), memory("RssAnon"), heap())
	if worst := seen[len(seen)*99/100]; worst > time.Minute {
		t.Errorf("one in a hundred was polled %v late", worst)
	}
}

func heap() string {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return fmt.Sprintf("%d MiB", m.HeapInuse>>20)
}

// fill makes the archive, unless it is there: sources that have been visited before, due one after the other.
func fill(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		return
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	half := path + ".part"
	_ = os.Remove(half)
	db, err := bolt.Open(half, &bolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now().Add(time.Hour)
	page := make([]feed.Source, 0, 1000)
	for i := range *manySources {
		page = append(page, feed.Source{
			URL: fmt.Sprintf("http://h%d.example.net/feeds/%d.xml", i%millionHosts, i), Title: fmt.Sprintf("Feed %d of host %d", i, i%millionHosts),
			Added: begin.Add(-30 * 24 * time.Hour),
			Fetch: feed.FetchState{
				ETag: fmt.Sprintf(`"%x"`, i), LastModified: "Tue, 03 Nov 2026 10:00:00 GMT", Status: 200,
				Checked: begin.Add(-12 * time.Hour), Changed: begin.Add(-20 * 24 * time.Hour),
				Due: begin.Add(time.Duration(i) * time.Second / time.Duration(*manyRate)),
			},
		})
		if len(page) == cap(page) || i == *manySources-1 {
			if _, err := db.Subscribe(t.Context(), page...); err != nil {
				t.Fatal(err)
			}
			page = page[:0]
		}
	}
	if err := errors.Join(db.Close(), os.Rename(half, path)); err != nil {
		t.Fatal(err)
	}
	t.Logf("the archive was made in %v", time.Since(began).Round(time.Second))
}

// lateness is an archive that tells how late visits to sources that were due are saved.
type lateness struct {
	store.Store
	now   func() time.Time
	late  func(time.Duration)
	looks atomic.Int64
	due   sync.Map
}

func (l *lateness) Due(ctx context.Context, now time.Time, after store.Turn, limit int) ([]store.Turn, error) {
	defer l.looks.Add(1)
	turns, err := l.Store.Due(ctx, now, after, limit)
	if limit > 1 {
		for _, turn := range turns {
			l.due.Store(turn.Source, turn.At)
		}
	}
	return turns, err
}

func (l *lateness) Save(ctx context.Context, batches ...store.Batch) ([]store.Saved, error) {
	for _, b := range batches {
		if at, ok := l.due.LoadAndDelete(b.Source.ID); ok {
			l.late(b.Seen.Sub(at.(time.Time)))
		}
	}
	return l.Store.Save(ctx, batches...)
}
