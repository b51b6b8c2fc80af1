package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

var (
	bigIn       = flag.String("big", "", "folder of TestBig, which keeps its archive there; it is skipped if empty")
	bigArticles = flag.Int("big-articles", 200_000, "how many articles the archive of TestBig has when it is made")
	bigCalm     = flag.Duration("big-calm", time.Minute, "for how long TestBig looks at readers whom nothing disturbs")
)

const (
	bigSources = 200
	bigTags    = 300
	bigAtOnce  = 20 // articles that a visit brings
	bigNew     = 200
	bigReaders = 20
	bigRate    = 200 // requests a second, of all readers
)

// TestBig measures what backups cost readers and the disk, and what it takes to check a big archive, to make it
// anew, and to write it out and read it in.
//
//	go test ./cmd/backissue -run TestBig -v -timeout 2h -big /var/tmp/big
func TestBig(t *testing.T) {
	if *bigIn == "" {
		t.Skip("takes long, and gigabytes; run with -big DIR")
	}
	for name, measure := range map[string]func(*big){"backups": (*big).backups, "verbs": (*big).verbs} {
		t.Run(name, func(t *testing.T) {
			b := newBig(t)
			measure(b)
			b.Logf("%s\n%s", b.load(), b.table.String())
		})
	}
}

// big is what is measured with a big archive.
type big struct {
	*testing.T
	bin, archive, work string
	table              grid
}

// grid is a table in the making.
type grid struct{ bytes.Buffer }

func (t *grid) row(cells ...any) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(t, "\t")
		}
		fmt.Fprint(t, c)
	}
	fmt.Fprintln(t)
}

func (t *grid) String() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	_, _ = w.Write(t.Bytes())
	_ = w.Flush()
	return out.String()
}

func newBig(t *testing.T) *big {
	bin, err := exec.LookPath("backissue")
	if err != nil {
		t.Fatal(err) // TestMain puts it there
	}
	b := &big{T: t, bin: bin, archive: filepath.Join(*bigIn, "archive"), work: filepath.Join(*bigIn, "work")}
	if err := os.MkdirAll(*bigIn, 0o700); err != nil {
		t.Fatal(err)
	}
	if !isThere(b.archive) {
		b.makeArchive()
	}
	if err := os.RemoveAll(b.work); err != nil {
		t.Fatal(err)
	}
	// What is measured must not change what the next measures.
	if err := os.CopyFS(filepath.Join(b.work, "archive"), os.DirFS(b.archive)); err != nil {
		t.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(b.work) })
	return b
}

func (b *big) load() string {
	load, _ := os.ReadFile("/proc/loadavg")
	return "load: " + strings.TrimSpace(string(load))
}

// makeArchive makes the archive as visits do, each with what it received.
func (b *big) makeArchive() {
	began := time.Now()
	part := b.archive + ".part"
	if err := os.RemoveAll(part); err != nil {
		b.Fatal(err)
	}
	if err := os.MkdirAll(part, 0o700); err != nil {
		b.Fatal(err)
	}
	db, err := bolt.Open(filepath.Join(part, "archive.db"), &bolt.Options{Raw: filepath.Join(part, "raw"), NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	w := newWriter(1)
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for n := 0; n < *bigArticles; n += bigAtOnce {
		source := n / bigAtOnce % bigSources
		batch := store.Batch{
			Source: feed.Source{
				URL: fmt.Sprintf("https://paper%d.example/feed.xml", source), Title: fmt.Sprintf("The %d Paper", source),
				Subscribed: true, Fetch: feed.FetchState{Checked: at},
			},
			Seen: at,
		}
		for i := range bigAtOnce {
			batch.Articles = append(batch.Articles, w.article(source, n+i, at))
		}
		batch.Capture = &store.Capture{
			URL: batch.Source.URL, At: at, Status: http.StatusOK, Body: rss(b, batch.Source.Title, batch.Articles),
			Request: http.Header{"User-Agent": {"backissue"}},
			Header:  http.Header{"Content-Type": {"application/rss+xml"}, "Etag": {fmt.Sprintf(`"%d"`, n)}},
		}
		if _, err := db.Save(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		at = at.Add(time.Duration(500*time.Hour*24) / time.Duration(*bigArticles/bigAtOnce))
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	if err := os.Rename(part, b.archive); err != nil {
		b.Fatal(err)
	}
	b.Logf("made an archive of %d articles in %v", *bigArticles, time.Since(began))
}

// writer writes articles of a made-up language, in which words are as rare as in others.
type writer struct {
	r     *rand.Rand
	words []string
	zipf  *rand.Zipf
	tags  *rand.Zipf
}

func newWriter(seed uint64) *writer {
	r := rand.New(rand.NewPCG(seed, 6))
	w := &writer{r: r, zipf: rand.NewZipf(r, 1.1, 8, 19_999), tags: rand.NewZipf(r, 1.2, 4, bigTags-1)}
	for range 20_000 {
		var word strings.Builder
		for range 1 + r.IntN(4) {
			word.WriteString([]string{"ba", "den", "ri", "tro", "s", "mel", "ing", "o", "ver", "qua", "th", "es", "lu", "pen", "ki"}[r.IntN(15)])
		}
		w.words = append(w.words, word.String())
	}
	return w
}

func (w *writer) text(words int) string {
	var s strings.Builder
	for i := range words {
		if i > 0 {
			s.WriteByte(' ')
		}
		s.WriteString(w.words[w.zipf.Uint64()])
	}
	return s.String()
}

func (w *writer) article(source, n int, at time.Time) feed.Article {
	guid := fmt.Sprintf("https://paper%d.example/%d/%d", source, at.Year(), n)
	a := feed.Article{
		Key: guid, GUID: guid, PermaLink: true, Link: guid, Title: w.text(4 + w.r.IntN(8)), Published: at.Add(-time.Duration(w.r.IntN(20)) * time.Hour),
		Authors: []feed.Person{{Name: fmt.Sprintf("Author %d", w.r.IntN(5*bigSources))}},
		Summary: "<p>" + w.text(25) + "</p>",
	}
	for range 2 + w.r.IntN(5) { // 1 to 3 kB
		a.Content += "<p>" + w.text(70) + ".</p>\n"
	}
	for range 1 + w.r.IntN(3) {
		term := fmt.Sprintf("Topic %d", w.tags.Uint64())
		if !slices.ContainsFunc(a.Tags, func(t feed.Tag) bool { return t.Term == term }) {
			a.Tags = append(a.Tags, feed.Tag{Term: term})
		}
	}
	return a
}

// rss returns articles as a publisher would send them.
func rss(t testing.TB, title string, articles []feed.Article) []byte {
	t.Helper()
	type item struct {
		GUID        string   `xml:"guid"`
		Link        string   `xml:"link"`
		Title       string   `xml:"title"`
		Published   string   `xml:"pubDate"`
		Author      string   `xml:"http://purl.org/dc/elements/1.1/ creator"`
		Description string   `xml:"description"`
		Content     string   `xml:"http://purl.org/rss/1.0/modules/content/ encoded"`
		Categories  []string `xml:"category"`
	}
	var doc struct {
		XMLName xml.Name `xml:"rss"`
		Version string   `xml:"version,attr"`
		Title   string   `xml:"channel>title"`
		Items   []item   `xml:"channel>item"`
	}
	doc.Version, doc.Title = "2.0", title
	for _, a := range articles {
		i := item{a.GUID, a.Link, a.Title, a.Published.Format(time.RFC1123Z), a.Authors[0].Name, a.Summary, a.Content, nil}
		for _, tag := range a.Tags {
			i.Categories = append(i.Categories, tag.Term)
		}
		doc.Items = append(doc.Items, i)
	}
	data, err := xml.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte(xml.Header), data...)
}

// backups makes two beside a server that is read from, and compares how long readers wait.
func (b *big) backups() {
	b.table.row("readers", "seconds", "requests", "p50 ms", "p90 ms", "p99 ms", "longest ms", "bytes stored", "of them raw")
	data, to := filepath.Join(b.work, "archive"), filepath.Join(b.work, "backups")
	at := freePort(b.T)
	serve := exec.Command(b.bin, "serve", "--quiet", "--data", data, "--listen", at, "--base-url", "http://"+at)
	serve.Stderr = os.Stderr
	if err := serve.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = serve.Process.Signal(syscall.SIGTERM)
		if err := serve.Wait(); err != nil {
			b.Errorf("serve: %v", err)
		}
	}()
	for until := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if res, err := http.Get("http://" + at + "/feed.atom"); err == nil {
			res.Body.Close()
			break
		} else if time.Now().After(until) {
			b.Fatal(err)
		}
	}
	calm := func() any { time.Sleep(*bigCalm); return nil }
	b.read(at, "warming up", calm)
	before := b.read(at, "undisturbed", calm)
	var first, second struct {
		Articles, Copied int64
		Archive          struct{ Bytes int64 }
	}
	backUp := func(into any) func() any {
		return func() any {
			out := b.output(b.bin, "backup", "--data", data, "--json", to)
			if err := json.Unmarshal(out, into); err != nil {
				b.Errorf("%v: %s", err, out)
			}
			return into
		}
	}
	during := b.read(at, "first backup", backUp(&first))
	w := newWriter(2)
	var articles []feed.Article
	now := time.Now().UTC()
	for n := range bigNew {
		articles = append(articles, w.article(0, 1_000_000_000+n, now))
	}
	fresh := filepath.Join(b.work, "new.xml")
	if err := os.WriteFile(fresh, rss(b, "The new one", articles), 0o600); err != nil {
		b.Fatal(err)
	}
	b.output(b.bin, "import", "--data", data, fresh)
	b.read(at, "warming up", calm) // what is new has made much of what was in memory old
	beforeAgain := b.read(at, "undisturbed", calm)
	again := b.read(at, "second backup", backUp(&second))
	if second.Articles != first.Articles+bigNew {
		b.Errorf("%d articles and then %d", first.Articles, second.Articles)
	}
	size, err := os.Stat(fresh)
	if err != nil {
		b.Fatal(err)
	}
	if raw := second.Copied - second.Archive.Bytes; raw > 4*size.Size() {
		b.Errorf("%d bytes of raw/ were stored for %d that came in", raw, size.Size())
	}
	if during > 2*before || again > 2*beforeAgain {
		b.Errorf("the 99th percentile went from %v to %v, and from %v to %v", before, during, beforeAgain, again)
	}
}

// read has readers read while something is done, and returns the 99th percentile of what they waited, counted
// from when they were to ask.
func (b *big) read(at, what string, do func() any) time.Duration {
	b.Helper()
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	var mu sync.Mutex
	var waited []time.Duration
	var busy sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: bigReaders}}
	defer client.CloseIdleConnections()
	for n := range bigReaders {
		r := rand.New(rand.NewPCG(uint64(n), 8))
		known := make(map[string]string)
		busy.Go(func() {
			every := time.Second * bigReaders / bigRate
			due := time.Now().Add(every * time.Duration(n) / bigReaders)
			for ; ctx.Err() == nil; due = due.Add(every) {
				select {
				case <-time.After(time.Until(due)):
				case <-ctx.Done():
					return
				}
				if err := b.ask(client, "http://"+at, r, known); err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				waited = append(waited, time.Since(due))
				mu.Unlock()
			}
		})
	}
	began := time.Now()
	got := do()
	took := time.Since(began)
	stop()
	busy.Wait()
	slices.Sort(waited)
	if len(waited) == 0 {
		b.Fatal("nobody read")
	}
	p := func(share float64) time.Duration { return waited[int(share*float64(len(waited)-1))] }
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/1e6) }
	copied, raw := "", ""
	if got, err := json.Marshal(got); err == nil && string(got) != "null" {
		var m struct {
			Copied  int64
			Archive struct{ Bytes int64 }
		}
		if err := json.Unmarshal(got, &m); err != nil {
			b.Fatal(err)
		}
		copied, raw = fmt.Sprint(m.Copied), fmt.Sprint(m.Copied-m.Archive.Bytes)
	}
	b.table.row(what, fmt.Sprintf("%.1f", took.Seconds()), len(waited), ms(p(0.5)), ms(p(0.9)), ms(p(0.99)), ms(p(1)), copied, raw)
	b.Log(b.load(), what, ms(p(0.5)), ms(p(0.99)))
	return p(0.99)
}

// ask asks for a page, a feed or an archive document, sometimes only whether it has changed.
func (b *big) ask(client *http.Client, base string, r *rand.Rand, known map[string]string) error {
	tag := store.Ref{Kind: store.Tag, Name: fmt.Sprintf("topic-%d", r.IntN(bigTags/10))}
	var path string
	switch r.IntN(10) {
	case 0:
		path = "/"
	case 1, 2:
		path = fmt.Sprintf("/articles/%d", 1+r.IntN(*bigArticles))
	case 3, 4:
		path = web.ArchivePath(tag, 0) + ".atom"
	default:
		path = web.FeedPath(tag) + []string{".atom", ".rss", ".json"}[r.IntN(3)]
	}
	req, err := http.NewRequest(http.MethodGet, base+path, nil)
	if err != nil {
		return err
	}
	if etag := known[path]; etag != "" && r.IntN(2) == 0 {
		req.Header.Set("If-None-Match", etag)
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusNotModified {
		return fmt.Errorf("%s: %s", path, res.Status)
	}
	known[path] = res.Header.Get("ETag")
	return nil
}

// verbs measures what works on the whole archive.
func (b *big) verbs() {
	b.table.row("verb", "seconds", "peak RSS MB", "own MB", "size MB")
	file := func(name string) string { return filepath.Join(b.work, name) }
	data := file("archive")
	b.measure("export", file("1.jsonl"), "export", "--data", data, file("1.jsonl"))
	b.measure("check", filepath.Join(data, "archive.db"), "check", "--data", data)
	b.measure("backup (first)", file("backups2"), "backup", "--data", data, file("backups2"))
	b.measure("backup --drill", "", "backup", "--drill", file("backups2"))
	b.measure("restore", file("restored"), "restore", "--data", file("restored"), file("backups2"))
	b.measure("rebuild", filepath.Join(data, "archive.db"), "rebuild", "--data", data)
	b.output(b.bin, "export", "--data", data, file("2.jsonl"))
	b.measure("import of the export", filepath.Join(file("other"), "archive.db"), "import", "--data", file("other"), file("1.jsonl"))
	b.output(b.bin, "export", "--data", file("other"), file("3.jsonl"))
	for _, other := range []string{"2.jsonl", "3.jsonl"} {
		if out, err := exec.Command("cmp", file("1.jsonl"), file(other)).CombinedOutput(); err != nil {
			b.Errorf("the exports differ: %v\n%s", err, out)
		}
	}
}

// measure runs a verb, and adds a row on what it took and how big the file or folder is that it has made.
func (b *big) measure(verb, made string, args ...string) {
	b.Helper()
	cmd := exec.Command(b.bin, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	var peak, own int64
	ended := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
			if err == nil {
				peak, own = max(peak, kilobytes(status, "VmHWM")), max(own, kilobytes(status, "RssAnon"))
			}
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ended:
				return
			}
		}
	})
	err := cmd.Wait()
	took := time.Since(began)
	close(ended)
	watch.Wait()
	if err != nil {
		b.Fatalf("%s: %v\n%s", verb, err, out.Bytes())
	}
	size := ""
	if made != "" {
		size = fmt.Sprintf("%.1f", float64(b.size(made))/1e6)
	}
	b.table.row(verb, fmt.Sprintf("%.1f", took.Seconds()), fmt.Sprintf("%.0f", float64(peak)/1e6), fmt.Sprintf("%.0f", float64(own)/1e6), size)
	b.Log(b.load(), verb, took)
}

func (b *big) size(path string) (n int64) {
	b.Helper()
	err := filepath.WalkDir(path, func(_ string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return n
}

func (b *big) output(name string, args ...string) []byte {
	b.Helper()
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%v: %v\n%s", args, err, stderr.Bytes())
	}
	return out
}
