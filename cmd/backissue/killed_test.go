package main

import (
	"bytes"
	"cmp"
	"context"
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
	"go.etcd.io/bbolt"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// killing is a verb that is killed.
type killing struct {
	name   string
	before func(t *testing.T, data, out string)        // makes the archive, and what is in the folder beside it
	args   func(data, out string) []string             // of the verb
	result func(t *testing.T, data, out string) any    // what must be the same in the end
	look   func(t *testing.T, data, out string)        // at what is left; nil for nothing but the archive itself
	done   func(data, out string) bool                 // it is done, and cannot be done again; nil for never
	said   func(t *testing.T, data string, out string) // looks whether what was printed is so; nil where what is printed says that all is done
	faulty bool                                        // the archive has faults until the verb has ended
}

// TestKilled kills verbs at random moments. Each must leave an archive that passes its check and has lost
// nothing, least of all what was said to be done, and done again to the end give what it gives when nobody
// disturbs it.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it makes archives dozens of times")
	}
	const articles, hosts = 120, 8
	bin, err := exec.LookPath("backissue")
	if err != nil {
		t.Fatal(err) // TestMain puts it there
	}
	verbs := killings(t, bin, hosts, articles)
	share := (*kills + len(verbs) - 1) / len(verbs)
	for _, k := range verbs {
		t.Run(k.name, func(t *testing.T) { k.run(t, bin, share, articles) })
	}
}

func (k *killing) run(t *testing.T, bin string, kills, articles int) {
	made, beside := t.TempDir(), t.TempDir()
	k.before(t, made, beside)
	fresh := func() (data, out string) {
		data, out = t.TempDir(), t.TempDir()
		for to, from := range map[string]string{data: made, out: beside} {
			if err := os.CopyFS(to, os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
		}
		return data, out
	}
	data, out := fresh()
	began := time.Now()
	mustRun(t, bin, k.args(data, out)...)
	whole := time.Since(began)
	want := k.result(t, data, out)
	if n := len(contents(t, data)); n < articles {
		t.Fatalf("the undisturbed archive holds %d revisions", n)
	}
	held := func() int {
		if k.faulty {
			return len(logged(t, data, false))
		}
		return len(contents(t, data)) // which checks the archive
	}

	data, out = fresh()
	had := held()
	killed, finished, said := 0, 0, 0
	for killed < kills {
		was, printed := kill(t, bin, time.Duration(rand.Int64N(int64(whole))), k.args(data, out)...)
		if was {
			killed++
			now := held()
			if now < had {
				t.Fatalf("after kill %d: %d revisions of %d", killed, now, had)
			}
			had = now
			if k.look != nil {
				k.look(t, data, out)
			}
			if printed != "" {
				said++
			}
			switch {
			case k.done != nil && k.done(data, out), k.said == nil && printed != "":
			default:
				if k.said != nil {
					k.said(t, data, printed)
				}
				if killed%8 > 0 && killed < kills { // so that work that is never done is seen
					continue
				}
				mustRun(t, bin, k.args(data, out)...)
			}
		}
		finished++
		if diff := gocmp.Diff(want, k.result(t, data, out)); diff != "" {
			t.Fatalf("after %d kills and %d ends, %q printed (-undisturbed +killed):\n%s", killed, finished, printed, diff)
		}
		contents(t, data)
		data, out = fresh()
		had = held()
	}
	t.Logf("%d kills (%d of them after something was said to be done), %d ends; undisturbed: %v", killed, said, finished, whole)
}

// killings are the verbs that are killed, each on an archive of so many articles, from so many hosts where
// it fetches them.
func killings(t *testing.T, bin string, hosts, articles int) []killing {
	subscriptions := publishers(t, hosts, articles/hosts)
	imported := t.TempDir()
	makeArticles(t, imported, articles)
	given := func(t *testing.T, data, _ string) { mustRun(t, bin, "import", "--quiet", "--data", data, imported) }
	alone := func(verb ...string) func(string, string) []string {
		return func(data, _ string) []string { return append(slices.Clone(verb), "--data", data) }
	}
	whole := func(t *testing.T, data, _ string) any { return exportOf(t, bin, data) }
	there := func(data, _ string) bool { return isThere(filepath.Join(data, "archive.db")) }
	backups := func(out string) string { return filepath.Join(out, "backups") }
	exported := func(out string) string { return filepath.Join(out, "archive.jsonl") }
	return []killing{
		{
			name:   "fetch",
			before: func(t *testing.T, data, _ string) { mustRun(t, bin, "add", "--data", data, subscriptions) },
			args:   alone("fetch"),
			result: func(t *testing.T, data, _ string) any { return byKey(contents(t, data)) },
			said:   fetched,
		},
		{
			name: "publish", before: given,
			args: func(data, out string) []string {
				return []string{"publish", "--data", data, "--base-url", "https://feeds.example.org", filepath.Join(out, "site")}
			},
			result: func(t *testing.T, _, out string) any { return published(t, filepath.Join(out, "site")) },
		},
		{
			name: "backup", before: given,
			args: func(data, out string) []string { return []string{"backup", backups(out), "--data", data} },
			look: func(t *testing.T, data, out string) { restorable(t, bin, data, backups(out), false) },
			result: func(t *testing.T, data, out string) any {
				restorable(t, bin, data, backups(out), true)
				return exportOf(t, bin, data)
			},
		},
		{
			name: "restore",
			before: func(t *testing.T, _, out string) {
				data := t.TempDir()
				given(t, data, out)
				mustRun(t, bin, "backup", "--quiet", backups(out), "--data", data)
			},
			args:   func(data, out string) []string { return []string{"restore", backups(out), "--data", data} },
			result: whole, done: there,
		},
		{
			name: "export", before: given,
			args: func(data, out string) []string { return []string{"export", exported(out), "--data", data} },
			result: func(t *testing.T, data, out string) any {
				raw, err := os.ReadFile(exported(out))
				if err != nil || string(raw) != exportOf(t, bin, data) {
					t.Errorf("the export is not that of the archive: %d bytes, %v", len(raw), err)
				}
				return string(raw)
			},
		},
		{
			name: "import of an export",
			before: func(t *testing.T, _, out string) {
				data := t.TempDir()
				given(t, data, out)
				mustRun(t, bin, "export", exported(out), "--data", data)
			},
			args:   func(data, out string) []string { return []string{"import", exported(out), "--data", data} },
			result: whole, done: there,
		},
		{
			name: "compact", before: given, args: alone("compact"), result: whole,
		},
		{
			name: "compact --purge",
			before: func(t *testing.T, data, out string) {
				given(t, data, out)
				mustRun(t, bin, "forget", "--yes", "--data", data, "3", "50", "51", "120")
			},
			args:   alone("compact", "--purge", "--yes"),
			result: func(t *testing.T, data, _ string) any { return timeless(contents(t, data)) },
		},
		{
			name: "rebuild", before: given, args: alone("rebuild"), result: whole,
		},
		{
			name:   "rebuild --reparse",
			before: func(t *testing.T, data, _ string) { halfSeen(t, data, hosts, articles/hosts) },
			args:   alone("rebuild", "--reparse"),
			result: func(t *testing.T, data, _ string) any { return timeless(contents(t, data)) },
		},
		{
			name: "check --repair", faulty: true,
			before: func(t *testing.T, data, out string) { given(t, data, out); damage(t, data) },
			args:   alone("check", "--repair"),
			result: func(t *testing.T, data, _ string) any { return exportOf(t, bin, data) },
		},
	}
}

// fetched expects that what fetch has printed of each source is in the archive.
func fetched(t *testing.T, data, printed string) {
	t.Helper()
	in := make(map[string]int)
	for _, a := range contents(t, data) {
		in[a.Origin.Title]++
	}
	for _, line := range strings.Split(printed, "\n") {
		title, rest, _ := strings.Cut(line, ": ")
		var n int
		if _, err := fmt.Sscanf(rest, "%d new", &n); err == nil && strings.HasPrefix(title, "Feed ") && in[title] < n {
			t.Fatalf("%q was printed, and %d articles are there", line, in[title])
		}
	}
}

// exportOf returns the export of an archive.
func exportOf(t *testing.T, bin, data string) string {
	t.Helper()
	cmd := exec.Command(bin, "export", "--secrets", "--data", data, "-")
	cmd.Env = allowed()
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("export %s: %v", data, err)
	}
	return string(raw)
}

// restorable expects that the newest backup in a folder, if there must be one, is one of the archive.
func restorable(t *testing.T, bin, data, backups string, must bool) {
	t.Helper()
	listed := exec.Command(bin, "backup", backups, "--list", "--json", "--data", data)
	raw, err := listed.Output()
	if err != nil || !strings.Contains(string(raw), "{") {
		if must {
			t.Fatalf("there is no backup: %v", err)
		}
		return
	}
	to := t.TempDir()
	mustRun(t, bin, "restore", backups, "--data", to)
	if exportOf(t, bin, to) != exportOf(t, bin, data) {
		t.Fatal("the newest backup is not one of the archive")
	}
}

// halfSeen makes an archive whose parser saw neither every third article nor any enclosure of feeds.
func halfSeen(t *testing.T, data string, hosts, articles int) {
	t.Helper()
	db, err := bolt.Open(filepath.Join(data, "archive.db"), &bolt.Options{Raw: filepath.Join(data, "raw")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	for host := range hosts {
		address, body := fmt.Sprintf("https://%d.example.org/feed.xml", host), feedBody(host, articles)
		doc, err := parse.Feed([]byte(body), parse.Options{URL: address})
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		doc.Articles = slices.DeleteFunc(doc.Articles, func(feed.Article) bool { seen++; return seen%3 == 0 })
		for i := range doc.Articles {
			doc.Articles[i].Enclosures = nil
		}
		doc.Source.URL, doc.Source.Fetch.Checked = address, at
		_, err = db.Save(context.Background(), store.Batch{
			Source: doc.Source, Articles: doc.Articles, Seen: at, Whole: true,
			Capture: &store.Capture{URL: address, At: at, Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/rss+xml"}}, Body: []byte(body)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// damage takes out of an archive something that follows from the rest, and something that the journal knows.
func damage(t *testing.T, data string) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(data, "archive.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range []string{"raw-digest", "alias"} {
			c := tx.Bucket([]byte(name)).Cursor()
			n := 0
			for k, _ := c.First(); k != nil; k, _ = c.Next() {
				if n++; n%5 == 0 {
					if err := c.Delete(); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// timeless returns articles without the times at which they were taken in.
func timeless(articles []feed.Article) []feed.Article {
	for i := range articles {
		articles[i].Modified = time.Time{}
	}
	return articles
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

// kill runs a verb and kills it after a while; it was is false if that was too late. It returns what had been
// printed by then.
func kill(t *testing.T, bin string, after time.Duration, args ...string) (was bool, printed string) {
	t.Helper()
	var out, said bytes.Buffer
	cmd := exec.Command(bin, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = allowed(), &out, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != -1) {
		t.Fatalf("%v: %v\n%s", args, err, said.Bytes())
	}
	return err != nil, out.String()
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
		body := feedBody(host, articles)
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

func feedBody(host, articles int) string {
	var items strings.Builder
	for i := range articles {
		fmt.Fprintf(&items, "<item><guid>urn:example:%d:%d</guid><title>Article %d of %d</title><description>%s</description>"+
			"<enclosure url='https://example.org/%d/%d.mp3' type='audio/mpeg' length='%d'/></item>",
			host, i, i, host, strings.Repeat("Text. ", 50+i), host, i, 1000+i)
	}
	return fmt.Sprintf("<rss version='2.0'><channel><title>Feed %d</title><link>https://example.org/%d</link>%s</channel></rss>", host, host, items.String())
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

// published sums up every file in a folder.
func published(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
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
