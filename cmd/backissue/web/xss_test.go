package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	nethtml "golang.org/x/net/html"
)

// TestNothingRuns puts every attack of testdata/xss/payloads.txt into every field of a source and of
// its articles, and shows every page and every feed of the archive to a browser: nothing may run,
// and nothing may be left that could. The pages come without the headers that would stop it anyway.
//
// The feeds are shown in two ways: as XML, and as readers show them, which put the HTML that they
// find in a feed into a page of their own. That the browser notices what runs is tried first, with
// the attacks as they are.
func TestNothingRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it shows thousands of documents to a browser")
	}
	browser := findBrowser(t)
	p := newProxy(t)
	defer p.server.Close()
	attacks := readAttacks(t, p.server.URL)
	db, fields := attacked(t, attacks)
	p.site = site(t, db)
	p.raw, p.documents = rawJobs(attacks)

	paths := crawl(t, p.site)
	fragments := make(map[string]string) // HTML to where it was found first
	for _, path := range paths {
		switch ext := filepath.Ext(path); {
		case ext == ".json":
			readJSONFeed(t, p.site, path, fragments)
		case ext == ".atom" || ext == ".rss" || ext == ".opml":
			readXMLFeed(t, p.site, path, fragments)
			p.jobs = append(p.jobs, job{Name: path, Kind: "xml", URL: path, Load: len(p.jobs)%8 == 0})
		default:
			p.jobs = append(p.jobs, job{Name: path, Kind: "page", URL: path, Load: len(p.jobs)%32 == 0})
		}
	}
	shown := len(p.jobs)
	for fragment, where := range fragments {
		p.jobs = append(p.jobs, job{Name: where, Kind: "fragment", HTML: fragment})
	}
	slices.SortFunc(p.jobs, func(a, b job) int { return strings.Compare(a.Name, b.Name) })

	r := p.show(t, browser)
	t.Logf("%d attacks (%d run as they are, %d more are noticed), %d fields, %d pages and XML documents, %d texts from feeds",
		len(attacks), len(r.Ran), len(r.Raw)-len(r.Ran), fields, shown, len(fragments))
	t.Logf("took %v ms", r.Took)
	if len(attacks) < 120 || len(r.Ran) < 120 || len(r.Raw) < len(attacks)*9/10 {
		t.Errorf("the browser notices %d of %d attacks, %d as they run", len(r.Raw), len(attacks), len(r.Ran))
	}
	if len(paths) < 5*len(attacks) || len(fragments) < len(attacks)/2 {
		t.Errorf("found only %d documents and %d texts", len(paths), len(fragments))
	}
	for n, a := range attacks {
		if r.Raw[strconv.Itoa(n+1)] == "" {
			t.Logf("not noticed as it is: %q", a)
		}
	}
	for n, where := range r.Fired {
		i, _ := strconv.Atoi(n)
		t.Errorf("ran in one of %q: %q", where, attacks[i-1])
	}
	for where, what := range r.Found {
		t.Errorf("%s holds %q", where, what)
	}
	for _, hit := range p.hits {
		t.Errorf("loaded %s", hit)
	}
}

// job is one thing that the browser is to show: what is under an address, or HTML.
type job struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"` // "page", "xml" or "fragment"
	URL    string `json:"url,omitempty"`
	HTML   string `json:"html,omitempty"`
	Load   bool   `json:"load,omitempty"` // in a frame of its own, from the address
	Attack string `json:"attack,omitempty"`
}

// report is what the browser found.
type report struct {
	Error string
	Raw   map[string]string   // number of an attack to how it was noticed when it came as it is
	Ran   []int               // numbers of those attacks that did run then
	Fired map[string][]string // number of an attack that ran all the same to where it may have
	Found map[string][]string // where to what could run
	Took  map[string]float64  // milliseconds since the beginning at the end of each part
}

// proxy stands between the archive's server and the browser.
type proxy struct {
	server *httptest.Server
	site   http.Handler
	raw    [][]job
	jobs   []job
	done   chan report

	mu        sync.Mutex
	documents map[string]string // XML documents that hold attacks, by path
	armed     bool              // the attacks as they are have been shown
	hits      []string          // what was loaded to be run
}

func newProxy(t *testing.T) *proxy {
	p := &proxy{done: make(chan report, 1)}
	p.server = httptest.NewServer(p)
	return p
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/pwned":
		p.hit(w, r)
	case path == "/xss/jobs":
		json.NewEncoder(w).Encode(map[string]any{"raw": p.raw, "jobs": p.jobs})
	case path == "/xss/armed":
		p.mu.Lock()
		p.armed = true
		p.mu.Unlock()
	case path == "/xss/report":
		var r2 report
		if err := json.NewDecoder(r.Body).Decode(&r2); err != nil {
			r2.Error = err.Error()
		}
		p.done <- r2
	case strings.HasPrefix(path, "/xss/raw/"):
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		io.WriteString(w, p.documents[path])
	case path == "/xss/harness.html" || path == "/xss/harness.js":
		http.ServeFile(w, r, filepath.Join("testdata", "xss", filepath.Base(path)))
	default:
		p.pass(w, r)
	}
}

// pass hands on what the archive's server says, without the headers that protect a reader.
func (p *proxy) pass(w http.ResponseWriter, r *http.Request) {
	r.Header.Del("Accept-Encoding")
	answer := httptest.NewRecorder()
	p.site.ServeHTTP(answer, r)
	h := answer.Header()
	for name, values := range h {
		switch name {
		case "Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Content-Length":
		default:
			w.Header()[name] = values
		}
	}
	if mediaType := h.Get("Content-Type"); strings.Contains(mediaType, "xml") {
		w.Header().Set("Content-Type", "text/xml; charset=utf-8") // which a browser shows
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}

// hit answers whatever an attack loads with a script that reports it. A picture may be loaded.
func (p *proxy) hit(w http.ResponseWriter, r *http.Request) {
	dest := r.Header.Get("Sec-Fetch-Dest")
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.armed && !slices.Contains([]string{"image", "audio", "video", "track"}, dest) {
		p.hits = append(p.hits, dest+" "+r.URL.String())
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Content-Type", "text/javascript")
	fmt.Fprintf(w, "top.pwn(%s)", strings.Trim(r.URL.RawQuery, `"'`))
}

// findBrowser returns a Chromium, or skips the test where there is none.
func findBrowser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("CHROME"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	t.Skip("no Chromium here; $CHROME may name one")
	return ""
}

// show starts the browser and returns what it reports.
func (p *proxy) show(t *testing.T, browser string) report {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--disable-extensions",
		"--disable-popup-blocking", "--mute-audio", "--blink-settings=imagesEnabled=false", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
		"--user-data-dir="+t.TempDir(), p.server.URL+"/xss/harness.html")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	select {
	case r := <-p.done:
		cancel()
		<-exited
		if r.Error != "" {
			t.Fatalf("the browser failed: %s", r.Error)
		}
		return r
	case err := <-exited:
		t.Fatalf("the browser ended without a report: %v\n%.2000s", err, said.String())
	}
	panic("unreachable: both ways out are above")
}

// crawl returns the paths of everything that the first page leads to.
func crawl(t *testing.T, h http.Handler) []string {
	t.Helper()
	paths := []string{"/"}
	seen := map[string]bool{"/": true}
	for i := 0; i < len(paths); i++ {
		answer := ask(t, h, "GET", paths[i])
		switch answer.StatusCode {
		case 200:
		case 307: // what is not full yet is the live document, to which other links lead
			paths = slices.Delete(paths, i, i+1)
			i--
			continue
		default:
			t.Errorf("%s: %d", paths[i], answer.StatusCode)
		}
		if !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
			continue
		}
		page := nethtml.NewTokenizer(answer.Body)
		for page.Next() != nethtml.ErrorToken {
			for _, a := range page.Token().Attr {
				path, _, _ := strings.Cut(strings.TrimPrefix(a.Val, "http://archive.example"), "#")
				if a.Key == "href" && strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && !isAsset(path) && !seen[path] {
					seen[path] = true
					if other(path, len(seen)) {
						continue
					}
					paths = append(paths, path)
				}
			}
		}
	}
	return paths
}

// other reports whether a document is one that can be left out, since what is in it is in others too:
// all articles and sources are looked at in all formats, of tags and authors every fourth, in a
// format taken in turn.
func other(path string, turn int) bool {
	if !strings.HasPrefix(path, "/tags/") && !strings.HasPrefix(path, "/authors/") {
		return false
	}
	ext := filepath.Ext(path)
	i := slices.Index([]string{".atom", ".rss", ".json"}, ext)
	return turn%4 != 0 || i >= 0 && i != turn/4%3
}

// isAsset reports whether a path is that of a file of the program's own.
func isAsset(path string) bool {
	ext := filepath.Ext(path)
	return ext == ".css" || ext == ".svg" || ext == ".ico" || ext == ".js"
}

// readJSONFeed takes the HTML out of a JSON Feed, as a reader does.
func readJSONFeed(t *testing.T, h http.Handler, path string, fragments map[string]string) {
	t.Helper()
	var document any
	if err := json.NewDecoder(ask(t, h, "GET", path).Body).Decode(&document); err != nil {
		t.Errorf("%s: %v", path, err)
	}
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, v := range v {
				walk(k, v)
			}
		case []any:
			for _, v := range v {
				walk(key, v)
			}
		case string:
			switch {
			case key == "content_html":
				keep(fragments, v, path)
			case key == "link" || key == "href" || key == "image" || key == "icon" || key == "avatar" || strings.HasSuffix(key, "url"):
				if runs.MatchString(strings.Map(visible, v)) {
					t.Errorf("%s: %q is %q", path, key, v)
				}
			}
		}
	}
	walk("", document)
}

var runs = regexp.MustCompile(`^(?i)(javascript|vbscript|livescript|data|blob|file):`)

// visible drops what browsers pass over in addresses.
func visible(r rune) rune {
	if r <= ' ' {
		return -1
	}
	return r
}

// readXMLFeed takes the HTML out of an Atom or RSS document, as a reader does.
func readXMLFeed(t *testing.T, h http.Handler, path string, fragments map[string]string) {
	t.Helper()
	d := xml.NewDecoder(ask(t, h, "GET", path).Body)
	isHTML, inItem, text := false, false, ""
	for {
		token, err := d.Token()
		switch token := token.(type) {
		case xml.StartElement:
			text = ""
			name := token.Name.Local
			// A channel's description is text, and so are those in the namespaces of podcasts and media.
			inItem = inItem || name == "item"
			isHTML = inItem && (name == "description" && token.Name.Space == "" || name == "encoded")
			for _, a := range token.Attr {
				if a.Name.Local == "type" && (a.Value == "html" || a.Value == "xhtml" || a.Value == "text/html") {
					isHTML = true
				}
			}
		case xml.CharData:
			text += string(token)
		case xml.EndElement:
			if isHTML {
				keep(fragments, text, path)
			}
			isHTML = false
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Errorf("%s: %v", path, err)
			}
			return
		}
	}
}

func keep(fragments map[string]string, html, where string) {
	if fragments[html] == "" {
		fragments[html] = where
	}
}
