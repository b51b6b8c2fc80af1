package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"
)

var soakFor = flag.Duration("soak", 0, "for how long TestSoak runs; it is skipped if 0")

const (
	soakSources = 200
	soakHosts   = 20 // loopback addresses of publishers
	soakReaders = 8
	soakHearers = 30 // subscribers of the hub
	soakLook    = 5 * time.Second
)

// TestSoak runs "backissue serve" for as long as it is told, over publishers whose feeds change, with
// readers, subscribers and other commands beside it, and looks at what it takes meanwhile. Over the second
// half, memory of its own must not grow by more than a tenth. (The rest of what it holds in RAM is the
// archive's file, which the system maps in and takes back as it pleases.)
func TestSoak(t *testing.T) {
	if *soakFor == 0 {
		t.Skip("takes long; run with -soak 10m")
	}
	s := newSoak(t)
	ctx, cancel := context.WithTimeout(t.Context(), *soakFor)
	defer cancel()
	var busy sync.WaitGroup
	for n := range soakReaders {
		busy.Go(func() { s.read(ctx, rand.New(rand.NewPCG(uint64(n), 7))) })
	}
	busy.Go(func() { s.command(ctx) })
	looks := s.watch(ctx)
	busy.Wait()
	s.stop()
	s.report(looks)
}

// soak is a server under load.
type soak struct {
	*testing.T
	began     time.Time
	data, bin string
	base      string
	serve     *exec.Cmd

	asked, read200, read304, told, commands atomic.Int64
}

// look is what the server took at one moment.
type look struct {
	at                        time.Duration
	rss, own, archive         int64 // bytes
	goroutines, files         int
	articles                  int
	asked, reads, told, typed int64
}

func newSoak(t *testing.T) *soak {
	bin, err := exec.LookPath("backissue")
	if err != nil {
		t.Fatal(err) // TestMain puts it there
	}
	data, err := os.MkdirTemp("", "soak") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(data) })
	at := freePort(t)
	s := &soak{T: t, began: time.Now(), data: data, bin: bin, base: "http://" + at}
	args := []string{"serve", "--quiet", "--data", data, "--listen", at, "--base-url", s.base, "--hub-allow-private", "--status"}
	s.serve = exec.Command(bin, args...)
	s.serve.Env = append(os.Environ(), "BACKISSUE_ALLOW=127.0.0.0/8")
	if err := s.serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.serve.Process.Kill() })
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := s.get("/feed.atom", ""); err == nil {
			break
		} else if time.Now().After(until) {
			t.Fatal(err)
		}
	}
	for first, host := range s.publishers() {
		var urls []string
		for i := first; i < soakSources; i += soakHosts {
			urls = append(urls, fmt.Sprintf("http://%s/%d.xml", host, i))
		}
		if out, err := exec.Command(bin, append([]string{"add", "--quiet", "--data", data, "--tag", fmt.Sprint("t", first)}, urls...)...).CombinedOutput(); err != nil {
			t.Fatalf("add: %v\n%s", err, out)
		}
	}
	s.subscribe()
	return s
}

// publishers serves the feeds on as many hosts as there are loopback addresses.
func (s *soak) publishers() (hosts []string) {
	for n := range soakHosts {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.%d:0", n+1))
		if err != nil {
			s.Skipf("no loopback address: %v", err)
		}
		srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(s.feed)}}
		srv.Start()
		s.Cleanup(srv.Close)
		hosts = append(hosts, l.Addr().String())
	}
	return hosts
}

// feed answers with a feed that brings an article every few seconds, one in its own rhythm.
func (s *soak) feed(w http.ResponseWriter, r *http.Request) {
	s.asked.Add(1)
	i, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/"), ".xml"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	n := 20 + int(time.Since(s.began)/(time.Duration(5+i%40)*time.Second))
	etag := fmt.Sprintf(`"%d"`, n)
	w.Header().Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/rss+xml")
	fmt.Fprintf(w, `<rss version="2.0"><channel><title>Feed %d</title><link>http://feed%d.example/</link><description>d</description>`, i, i)
	for k := n; k > n-20; k-- {
		fmt.Fprintf(w, `<item><guid isPermaLink="false">urn:soak:%d:%d</guid><title>Number %d of %d</title><category>c%d</category><description>%s</description></item>`,
			i, k, k, i, k%7, strings.Repeat(fmt.Sprintf("Text %d of feed %d. ", k, i), 40))
	}
	io.WriteString(w, `</channel></rss>`)
}

// subscribe has the hub tell callbacks of our own, one of which is slow and one of which fails.
func (s *soak) subscribe() {
	callbacks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet:
			io.WriteString(w, r.URL.Query().Get("hub.challenge"))
			return
		case r.URL.Path == "/0":
			w.WriteHeader(http.StatusInternalServerError)
			return
		case r.URL.Path == "/1":
			time.Sleep(time.Second)
		}
		io.Copy(io.Discard, r.Body)
		s.told.Add(1)
	}))
	s.Cleanup(callbacks.Close)
	for n := range soakHearers {
		topic := fmt.Sprintf("%s/tags/t%d.atom", s.base, n%soakHosts)
		for tries := 0; ; tries++ {
			res, err := http.PostForm(s.base+"/hub", url.Values{
				"hub.mode": {"subscribe"}, "hub.topic": {topic}, "hub.callback": {fmt.Sprintf("%s/%d", callbacks.URL, n)}, "hub.secret": {"s"},
			})
			if err != nil {
				s.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode == http.StatusAccepted {
				break
			}
			if tries == 10 {
				s.Fatalf("the hub answers %d for %s", res.StatusCode, topic)
			}
			time.Sleep(time.Second)
		}
	}
}

// get asks the server for a page, and returns its validator.
func (s *soak) get(path, etag string) (string, error) {
	r, err := http.NewRequest(http.MethodGet, s.base+path, nil)
	if err != nil {
		return "", err
	}
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	switch res.StatusCode {
	case http.StatusOK:
		s.read200.Add(1)
	case http.StatusNotModified:
		s.read304.Add(1)
	default:
		err = fmt.Errorf("%s: %s", path, res.Status)
	}
	return res.Header.Get("ETag"), err
}

// read reads feeds and pages as readers do.
func (s *soak) read(ctx context.Context, r *rand.Rand) {
	known := make(map[string]string)
	for ctx.Err() == nil {
		path := []string{"/feed.atom", "/feed.json", "/", "/tags/", "/changes.atom", "/healthz", "/status"}[r.IntN(7)]
		if r.IntN(2) == 0 {
			path = fmt.Sprintf("/tags/t%d.%s", r.IntN(soakHosts), []string{"atom", "rss", "json"}[r.IntN(3)])
		}
		etag, err := s.get(path, known[path])
		if err != nil && ctx.Err() == nil && path != "/tags/" {
			s.Error(err)
			return
		}
		known[path] = etag
		time.Sleep(20 * time.Millisecond)
	}
}

// command types commands beside the server: above all that everything is to be visited now.
func (s *soak) command(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		args := [][]string{{"fetch", "--now"}, {"list", "--json"}, {"fetch", "--now"}, {"politeness", "--json"}, {"tags"}}[n%5]
		out, err := exec.CommandContext(ctx, s.bin, append(args, "--quiet", "--data", s.data)...).CombinedOutput()
		if err != nil && ctx.Err() == nil {
			s.Errorf("%s: %v\n%s", args[0], err, out[:min(len(out), 500)])
			return
		}
		s.commands.Add(1)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// watch looks at the server until ctx ends.
func (s *soak) watch(ctx context.Context) (looks []look) {
	for tick := time.NewTicker(soakLook); ; {
		looks = append(looks, s.look())
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			return looks
		}
	}
}

var gauge = regexp.MustCompile(`(?m)^(go_goroutines|backissue_articles) (\S+)$`)

func (s *soak) look() look {
	l := look{
		at: time.Since(s.began), asked: s.asked.Load(), reads: s.read200.Load() + s.read304.Load(), told: s.told.Load(), typed: s.commands.Load(),
	}
	proc := fmt.Sprintf("/proc/%d", s.serve.Process.Pid)
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		s.Fatal(err)
	}
	l.rss, l.own = kilobytes(status, "VmRSS"), kilobytes(status, "RssAnon")
	if files, err := os.ReadDir(proc + "/fd"); err == nil {
		l.files = len(files)
	}
	if info, err := os.Stat(filepath.Join(s.data, "archive.db")); err == nil {
		l.archive = info.Size()
	}
	if res, err := http.Get(s.base + "/metrics"); err == nil {
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		for _, m := range gauge.FindAllStringSubmatch(string(text), -1) {
			n, _ := strconv.ParseFloat(m[2], 64)
			if m[1] == "go_goroutines" {
				l.goroutines = int(n)
			} else {
				l.articles = int(n)
			}
		}
	}
	return l
}

// kilobytes reads a line of /proc/PID/status, in bytes.
func kilobytes(status []byte, name string) int64 {
	m := regexp.MustCompile(`(?m)^` + name + `:\s*(\d+) kB$`).FindSubmatch(status)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return n << 10
}

// stop tells the server to end, and expects it to end well and to leave the archive whole.
func (s *soak) stop() {
	if err := s.serve.Process.Signal(syscall.SIGTERM); err != nil {
		s.Error(err)
	}
	if err := s.serve.Wait(); err != nil {
		s.Errorf("serve: %v", err)
	}
	if out, err := exec.Command(s.bin, "check", "--data", s.data).CombinedOutput(); err != nil {
		s.Errorf("check: %v\n%s", err, out)
	}
}

// report prints what was seen, and judges it.
func (s *soak) report(looks []look) {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	const mb = 1e6
	fmt.Fprintln(w, "seconds\tRSS MB\town MB\tgoroutines\tfiles\tarchive MB\tarticles\tasked\treads\ttold\tcommands\t")
	every := max(1, len(looks)/30)
	for i, l := range looks {
		if i%every == 0 || i == len(looks)-1 {
			fmt.Fprintf(w, "%.0f\t%.1f\t%.1f\t%d\t%d\t%.1f\t%d\t%d\t%d\t%d\t%d\t\n", l.at.Seconds(), float64(l.rss)/mb, float64(l.own)/mb,
				l.goroutines, l.files, float64(l.archive)/mb, l.articles, l.asked, l.reads, l.told, l.typed)
		}
	}
	w.Flush()
	s.Logf("\n%s", b.String())
	half := looks[len(looks)/2:]
	if len(half) < 4 || half[0].own == 0 {
		s.Log("there is too little to judge")
		return
	}
	for name, of := range map[string]func(look) float64{
		"memory of its own": func(l look) float64 { return float64(l.own) },
		"goroutines":        func(l look) float64 { return float64(l.goroutines) },
		"files":             func(l look) float64 { return float64(l.files) },
	} {
		grown := trend(half, of)
		s.Logf("%s: %+.1f%% over the second half", name, 100*grown)
		if grown > 0.1 {
			s.Errorf("%s: it grows", name)
		}
	}
}

// trend returns by how much a line through what was seen rises, as a share of its mean.
func trend(looks []look, of func(look) float64) float64 {
	n := float64(len(looks))
	var sx, sy, sxx, sxy float64
	for i, l := range looks {
		x, y := float64(i), of(l)
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx) * (n - 1) / (sy / n)
}

// Something that grows is seen to grow, and something that goes up and down is not.
func TestTrend(t *testing.T) {
	var rising, flat []look
	for i := range 60 {
		rising = append(rising, look{own: int64(1000 + 5*i)})
		flat = append(flat, look{own: int64(1000 + 200*(i%2))})
	}
	own := func(l look) float64 { return float64(l.own) }
	if g := trend(rising, own); g < 0.2 || g > 0.3 {
		t.Errorf("what rises by a quarter rises by %v", g)
	}
	if g := trend(flat, own); g > 0.05 {
		t.Errorf("what does not rise rises by %v", g)
	}
}
