package main

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/backissue/backissue/feed"
)

// TestKilled kills verbs at random moments. Each must leave an archive that passes its check and has lost
// nothing, and done again to the end give what it gives when nobody disturbs it.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it makes archives dozens of times")
	}
	const articles, hosts = 120, 8
	bin, err := exec.LookPath("backissue")
	if err != nil {
		t.Fatal(err) // TestMain puts it there
	}
	subscriptions := publishers(t, hosts, articles/hosts)
	imported := t.TempDir()
	makeArticles(t, imported, articles)
	given := func(t *testing.T, data string) { mustRun(t, bin, "import", "--quiet", "--data", data, imported) }
	for _, test := range []struct {
		verb   string
		before func(t *testing.T, data string) // makes the archive
		args   func(data, out string) []string
		result func(t *testing.T, data, out string) any // what must be the same in the end
	}{
		{
			verb:   "fetch",
			before: func(t *testing.T, data string) { mustRun(t, bin, "add", "--data", data, subscriptions) },
			args:   func(data, _ string) []string { return []string{"fetch", "--data", data} },
			result: func(t *testing.T, data, _ string) any { return byKey(contents(t, data)) },
		},
		{
			verb: "publish", before: given,
			args: func(data, out string) []string {
				return []string{"publish", "--data", data, "--base-url", "https://feeds.example.org", out}
			},
			result: func(t *testing.T, _, out string) any { return published(t, out) },
		},
	} {
		t.Run(test.verb, func(t *testing.T) {
			made := t.TempDir()
			test.before(t, made)
			fresh := func() (data, out string) {
				data, out = t.TempDir(), filepath.Join(t.TempDir(), "out")
				if err := os.CopyFS(data, os.DirFS(made)); err != nil {
					t.Fatal(err)
				}
				return data, out
			}
			data, out := fresh()
			began := time.Now()
			mustRun(t, bin, test.args(data, out)...)
			whole := time.Since(began)
			want := test.result(t, data, out)
			if n := len(contents(t, data)); n != articles {
				t.Fatalf("the undisturbed archive holds %d articles", n)
			}

			data, out = fresh()
			held := len(contents(t, data))
			for killed, finished := 0, 0; killed < *kills; {
				if kill(t, bin, time.Duration(rand.Int64N(int64(whole))), test.args(data, out)...) {
					killed++
					now := len(contents(t, data)) // which checks the archive
					if now < held {
						t.Fatalf("after kill %d: %d articles of %d", killed, now, held)
					}
					if held = now; killed%8 > 0 && killed < *kills { // so that work that is never done is seen
						continue
					}
					mustRun(t, bin, test.args(data, out)...)
				}
				finished++
				if diff := gocmp.Diff(want, test.result(t, data, out)); diff != "" {
					t.Fatalf("after %d kills and %d ends (-undisturbed +killed):\n%s", killed, finished, diff)
				}
				data, out = fresh()
				held = len(contents(t, data))
			}
		})
	}
}

// allowed are the variables of the verbs: publishers are on this machine.
func allowed() []string { return append(os.Environ(), "BACKISSUE_ALLOW=127.0.0.0/8") }

func mustRun(t *testing.T, bin string, args ...string) {
	t.Helper()
	cmd := exec.Command(bin, args...)
	cmd.Env = allowed()
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, said)
	}
}

// kill runs a verb and kills it after a while. It returns false if that was too late.
func kill(t *testing.T, bin string, after time.Duration, args ...string) bool {
	t.Helper()
	cmd := exec.Command(bin, args...)
	cmd.Env = allowed()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != -1) {
		t.Fatalf("%v: %v", args, err)
	}
	return err != nil
}

// publishers serves feeds of so many articles, each on a host of its own, and returns a list of them.
func publishers(t *testing.T, hosts, articles int) (opml string) {
	t.Helper()
	var outlines strings.Builder
	for host := range hosts {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.%d:0", host+1))
		if err != nil {
			t.Skip("several loopback addresses are needed: ", err)
		}
		var items strings.Builder
		for i := range articles {
			fmt.Fprintf(&items, "<item><guid>urn:example:%d:%d</guid><title>Article %d of %d</title><description>%s</description></item>",
				host, i, i, host, strings.Repeat("Text. ", 50+i))
		}
		body := fmt.Sprintf("<rss version='2.0'><channel><title>Feed %d</title><link>https://example.org/%d</link>%s</channel></rss>", host, host, items.String())
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/feed.xml" {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/rss+xml")
			_, _ = w.Write([]byte(body))
		}))
		server.Listener.Close()
		server.Listener = listener
		server.Start()
		t.Cleanup(server.Close)
		fmt.Fprintf(&outlines, "<outline type='rss' text='Feed %d' xmlUrl='%s/feed.xml'/>", host, server.URL)
	}
	opml = filepath.Join(t.TempDir(), "subscriptions.opml")
	list := "<opml version='2.0'><head/><body>" + outlines.String() + "</body></opml>"
	if err := os.WriteFile(opml, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	return opml
}

// byKey returns articles in the order of their keys, without what depends on which feed came first.
func byKey(articles []feed.Article) []feed.Article {
	for i := range articles {
		a := &articles[i]
		a.ID, a.Seq, a.Modified = 0, 0, time.Time{}
	}
	slices.SortFunc(articles, func(a, b feed.Article) int { return cmp.Compare(a.Key, b.Key) })
	return articles
}

// published sums up every file in a folder but those that were being written when the verb was killed, which
// no document names.
func published(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), ".new-") {
			return err
		}
		raw, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		sums[name] = fmt.Sprintf("%x", sha256.Sum256(raw))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}
