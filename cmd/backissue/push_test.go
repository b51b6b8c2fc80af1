package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// process is a "backissue serve" in this process, on a port of its own.
type process struct {
	testing.TB
	base, data string
	log        *locked
}

// locked is a buffer for several writers.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// freePort returns an address that was free a moment ago: the base URL must be known before.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skipf("no loopback: %v", err)
	}
	defer l.Close()
	return l.Addr().String()
}

func serving(t testing.TB, args ...string) *process {
	t.Helper()
	return servingBelow(t, "", args...)
}

// servingBelow is serving, with a path in the base URL.
func servingBelow(t testing.TB, path string, args ...string) *process {
	t.Helper()
	at := freePort(t)
	// The path of a socket must be short.
	dir, err := os.MkdirTemp("", "push")
	if err != nil {
		t.Fatal(err)
	}
	p := &process{TB: t, base: "http://" + at + path, data: dir, log: new(locked)}
	ctx, cancel := context.WithCancel(context.Background())
	var code int
	var running sync.WaitGroup
	running.Go(func() {
		all := append([]string{"serve", "-v", "--data", dir, "--listen", at, "--base-url", p.base}, args...)
		code = run(ctx, all, p.env())
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if code != exitOK && code != exitInterrupted {
			t.Errorf("serve ends with %d", code)
		}
		if t.Failed() {
			t.Log(p.log)
		}
		os.RemoveAll(dir)
	})
	p.wait("serving", func() bool {
		res, err := http.Get(p.base + "/feed.json")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return p
}

func (p *process) env() *env {
	return &env{Stdin: strings.NewReader(""), Stdout: p.log, Stderr: p.log, Dir: p.data, Getenv: func(string) string { return "" }, Width: 80}
}

// wait waits for something that is to come soon, and returns how long that took.
func (p *process) wait(what string, ready func() bool) time.Duration {
	p.Helper()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		switch took := time.Since(began); {
		case ready():
			return took
		case took > 30*time.Second:
			p.Fatalf("%s: not after %v\n%s", what, took, p.log)
		}
	}
}

// publish imports an article.
func (p *process) publish(title string) {
	p.Helper()
	file := filepath.Join(p.data, title+".xml")
	feed := `<rss version="2.0"><channel><title>T</title><link>http://news.example/</link><description>d</description><item>` +
		`<guid isPermaLink="false">` + title + `</guid><title>` + title + `</title><description>text</description></item></channel></rss>`
	if err := os.WriteFile(file, []byte(feed), 0o600); err != nil {
		p.Fatal(err)
	}
	if code := run(context.Background(), []string{"import", "--data", p.data, file}, p.env()); code != exitOK {
		p.Fatalf("import ends with %d\n%s", code, p.log)
	}
}

// has reports whether the feed of everything shows an article.
func (p *process) has(title string) bool {
	p.Helper()
	res, err := http.Get(p.base + "/feed.json")
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	var feed struct{ Items []struct{ Title string } }
	if err := json.NewDecoder(res.Body).Decode(&feed); err != nil {
		p.Fatal(err)
	}
	for _, item := range feed.Items {
		if item.Title == title {
			return true
		}
	}
	return false
}

// Two archives over loopback: what one takes in, the other has a moment later, in every format.
func TestTwoArchives(t *testing.T) {
	for _, ext := range []string{".atom", ".rss", ".json"} {
		t.Run(ext[1:], func(t *testing.T) {
			t.Parallel()
			pub := serving(t, "--hub-allow-private")
			pub.publish("first")
			reader := serving(t, pub.base+"/feed"+ext)
			reader.wait("subscribed", func() bool { return strings.Contains(pub.log.String(), "subscriber enrolled") })
			for k := range 3 {
				title := fmt.Sprint("news-", k)
				pub.publish(title)
				took := reader.wait(title, func() bool { return reader.has(title) })
				t.Logf("%s came after %v", title, took.Round(time.Millisecond))
				if took > 2*time.Second {
					t.Logf("which is more than two seconds; is the machine busy?")
				}
			}
		})
	}
}

// A base URL may have a path, below which hub and callbacks are found.
func TestTwoArchivesBelowAPath(t *testing.T) {
	pub := servingBelow(t, "/feeds", "--hub-allow-private")
	pub.publish("first")
	reader := servingBelow(t, "/my/archive", pub.base+"/feed.atom")
	reader.wait("subscribed", func() bool { return strings.Contains(pub.log.String(), "subscriber enrolled") })
	pub.publish("news")
	reader.wait("news", func() bool { return reader.has("news") })

	// Whoever is removed leaves the hub.
	if code := run(context.Background(), []string{"remove", "--data", reader.data, pub.base + "/feed.atom"}, reader.env()); code != exitOK {
		t.Fatalf("remove ends with %d\n%s", code, reader.log)
	}
	pub.wait("left", func() bool { return strings.Contains(reader.log.String(), "mode=unsubscribe") })
}

// Hubs of others are told what is new, and the feeds name them.
func TestPingHub(t *testing.T) {
	told := make(chan url.Values, 10)
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		told <- r.PostForm
		w.WriteHeader(http.StatusNoContent)
	}))
	defer hub.Close()
	pub := servingBelow(t, "/feeds", "--ping-hub", hub.URL)
	pub.publish("news")
	select {
	case form := <-told:
		if form.Get("hub.mode") != "publish" || !slices.Contains(form["hub.url"], pub.base+"/feed.atom") {
			t.Errorf("told %q", form)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the hub was not told")
	}
	res, err := http.Get(pub.base + "/feed.atom")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if want := "<" + pub.base + `/hub>; rel="hub", <` + hub.URL + `>; rel="hub", `; !strings.HasPrefix(res.Header.Get("Link"), want) {
		t.Errorf("Link is %q", res.Header.Get("Link"))
	}
	p := pub.env()
	dir := t.TempDir()
	for _, args := range [][]string{{"--ping-hub", hub.URL}, {"--ping-hub", "gopher://x", "--base-url", "https://a.example"}} {
		if code := run(context.Background(), append([]string{"serve", "--data", dir, "--listen", "127.0.0.1:0"}, args...), p); code != exitUsage {
			t.Errorf("serve %q ends with %d", args, code)
		}
	}
}

// Without --hub-allow-private a hub calls nobody on its owner's network.
func TestHubLeavesPrivateAddressesAlone(t *testing.T) {
	called := make(chan string, 10)
	callback := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { called <- r.URL.String() }))
	defer callback.Close()
	pub := serving(t)
	res, err := http.PostForm(pub.base+"/hub", url.Values{
		"hub.mode": {"subscribe"}, "hub.topic": {pub.base + "/feed.atom"}, "hub.callback": {callback.URL},
	})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	pub.wait("refusal", func() bool { return strings.Contains(pub.log.String(), "request not granted") })
	select {
	case at := <-called:
		t.Errorf("called %s", at)
	default:
	}
}

// Without a base URL there is neither a hub nor are there callbacks.
func TestNoHubUnasked(t *testing.T) {
	pub := serving(t, "--hub=false", "--push=false")
	for _, path := range []string{"/hub", "/push/1-x"} {
		res, err := http.Post(pub.base+path, "application/x-www-form-urlencoded", strings.NewReader("hub.mode=subscribe"))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s answers %d", path, res.StatusCode)
		}
	}
	res, err := http.Get(pub.base + "/feed.atom")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); res.Header.Get("Link") != "" || strings.Contains(string(text), "hub") {
		t.Error("a hub is named")
	}
}

// The judge of publishers and hubs finds nothing.
func TestHubJudged(t *testing.T) {
	judge, err := filepath.Abs("../../../shared/judge/websub.py")
	if _, missing := os.Stat(judge); err != nil || missing != nil {
		t.Skip("there is no ../shared/judge beside the repository")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	pub := serving(t, "--hub-allow-private")
	pub.publish("first")
	n := 0
	press := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		n++
		pub.publish(fmt.Sprint("news-", n))
	}))
	defer press.Close()
	publish := python + ` -c 'import urllib.request as u; u.build_opener(u.ProxyHandler({})).open("` + press.URL + `").read()'`
	out, err := exec.Command(python, judge, "--publish", publish, pub.base+"/feed.atom").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	t.Log(lines[len(lines)-1])
}
