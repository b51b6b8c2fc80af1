package scheduler_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/scheduler"
)

// hostileChild names the variable that makes a test the process whose memory is measured.
const hostileChild = "SCHEDULER_TEST_HOSTILE"

// mostMemory is what a scheduler may take at its peak, whoever it meets: of the whole process.
const mostMemory = 256 << 20

// repeat writes the same again and again until n bytes are out or nobody reads any more.
func repeat(w io.Writer, what string, n int) {
	block := strings.Repeat(what, 1+(64<<10)/len(what))
	for n > 0 {
		m, err := io.WriteString(w, block[:min(n, len(block))])
		if err != nil {
			return
		}
		n -= m
	}
}

// bomb returns 256 MiB of nothing, packed.
func bomb(encoding string) []byte {
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if encoding == "zstd" {
		w, _ = zstd.NewWriter(&b)
	}
	repeat(w, "\x00", 256<<20)
	w.Close()
	return b.Bytes()
}

const channel = `<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>`

// attacks are what a publisher may do to its readers. Those with a problem bring no document.
func attacks() map[string]struct {
	problem string
	answer  http.HandlerFunc
} {
	packed := map[string][]byte{"gzip": bomb("gzip"), "zstd": bomb("zstd")}
	bombs := func(encoding string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", encoding)
			w.Write(packed[encoding])
		}
	}
	document := func(write func(w io.Writer)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { write(w) }
	}
	type attack = struct {
		problem string
		answer  http.HandlerFunc
	}
	return map[string]attack{
		"endless body": {"larger than", document(func(w io.Writer) { repeat(w, "<rss>", 1<<40) })},
		"one byte a second": {"too slowly", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				time.Sleep(time.Second)
			}
		}},
		"gzip bomb": {"larger than", bombs("gzip")},
		"zstd bomb": {"larger than", bombs("zstd")},
		"10 GB announced": {"larger than", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10000000000")
			repeat(w, "<rss>", 10_000_000_000)
		}},
		"redirect loop": {"circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }},
		"redirect to another scheme": {"no web address", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		}},
		"huge headers": {"header fields", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X", strings.Repeat("x", 2<<20)) }},
		"attribute of 1 MB": {"", document(func(w io.Writer) {
			io.WriteString(w, channel+`<item><guid>h</guid><enclosure url="http://example.org/`)
			repeat(w, "x", 1_000_000)
			io.WriteString(w, `"/></item></channel></rss>`)
		})},
		"a million nested elements": {"", document(func(w io.Writer) {
			io.WriteString(w, channel+"<item><guid>h</guid><description>")
			repeat(w, "<a>", 3_000_000)
		})},
		"entity bomb": {"", document(func(w io.Writer) {
			io.WriteString(w, `<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a0 "ha">`)
			for i := range 30 {
				fmt.Fprintf(w, `<!ENTITY a%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&a%d;", i), 10))
			}
			io.WriteString(w, `]><rss version="2.0"><channel><title>&a30;</title><item><guid>h</guid></item></channel></rss>`)
		})},
		"a million items": {"", document(func(w io.Writer) {
			io.WriteString(w, channel)
			repeat(w, "<item/>", 7_000_000)
		})},
		"NULs": {"not a feed", document(func(w io.Writer) { repeat(w, "\x00", 20<<20) })},
	}
}

// TestHostileUpstreams has eight hosts turn hostile, all in the same way and in the same round as fifty
// good ones, in a process of their own.
func TestHostileUpstreams(t *testing.T) {
	kind, child := os.LookupEnv(hostileChild)
	if child {
		besiege(t, kind)
		return
	}
	for name := range attacks() {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "gzip bomb" && name != "redirect loop" {
				t.Skip("two of them are enough where time is short")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestHostileUpstreams$", "-test.v")
			cmd.Env = append(os.Environ(), hostileChild+"="+name)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%.3000s", err, out)
			}
			for line := range strings.Lines(string(out)) {
				if _, said, ok := strings.Cut(line, "peak: "); ok {
					t.Log(strings.TrimSpace(said))
				}
			}
		})
	}
}

func besiege(t *testing.T, kind string) {
	w := newWorld(t)
	attack := attacks()[kind]
	w.Workers = 64
	var bad []feed.Source
	var sites []*site
	for i := range 8 {
		up := newSite(t, "127.0.1."+strconv.Itoa(i+1))
		up.set("/feed", text(rss("Before", "before"), ""))
		sites = append(sites, up)
		bad = append(bad, w.follow(up.URL+"/feed")...)
	}
	w.round(scheduler.RoundOptions{NoHistory: true})
	for _, up := range sites {
		up.set("/feed", attack.answer)
	}
	var good []feed.Source
	for i := range 50 {
		up := newSite(t, "127.0.2."+strconv.Itoa(i+1))
		up.set("/feed", text(rss("Good", fmt.Sprintf("good%d", i)), `"1"`))
		good = append(good, w.follow(up.URL+"/feed")...)
	}
	var order []string
	_, err := w.Round(t.Context(), scheduler.RoundOptions{All: true, NoHistory: true, Progress: func(e scheduler.Event) {
		order = append(order, e.Source.URL)
	}})
	if err != nil {
		t.Fatal(err)
	}
	peak := memoryPeak(t)
	for _, src := range good {
		if f := w.source(src.ID).Fetch; f.Problem != "" || f.Status != http.StatusOK {
			t.Errorf("%s, which is good, has the problem %q", src.URL, f.Problem)
		}
	}
	if attack.problem == "too slowly" {
		for _, url := range order[:len(good)] {
			if strings.Contains(url, "127.0.1.") {
				t.Errorf("a good source had to wait for %s", url)
			}
		}
	}
	for _, src := range bad {
		now := w.source(src.ID)
		f := now.Fetch
		if attack.problem != "" && !strings.Contains(f.Problem, attack.problem) {
			t.Errorf("the problem is %q, want %q in it", f.Problem, attack.problem)
		}
		if attack.problem == "" && f.Status != http.StatusOK {
			t.Errorf("the document was not taken: %d %q", f.Status, f.Problem)
		}
		if !f.Due.After(f.Checked) {
			t.Errorf("due again at %v, checked at %v", f.Due, f.Checked)
		}
	}
	if kind != "a million items" && !strings.Contains(w.titles(), "Title of before") {
		t.Error("the articles from before are lost")
	}
	t.Logf("peak: %d MiB", peak>>20)
	if peak > mostMemory {
		t.Errorf("the process took %d MiB, more than %d", peak>>20, mostMemory>>20)
	}
}

// memoryPeak returns the most memory that this process has had (VmHWM of proc(5)).
func memoryPeak(t *testing.T) int {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("the memory of a process is measured on Linux only")
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}
