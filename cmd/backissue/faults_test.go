package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDamagedArchive has verbs meet an archive whose list of free pages is lost, so that it must not be written:
// what reads works and warns, what writes refuses, serve serves, and the file is as it was.
func TestDamagedArchive(t *testing.T) {
	bin, err := exec.LookPath("backissue")
	if err != nil {
		t.Fatal(err) // TestMain puts it there
	}
	data, in := t.TempDir(), t.TempDir()
	makeArticles(t, in, 40)
	mustRun(t, bin, "import", "--quiet", "--data", data, in)
	path := filepath.Join(data, "archive.db")
	loseFreePages(t, path)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		code int
		says string // on standard error, beside what is wrong
	}{
		{[]string{"list"}, 0, "what can be read is read"},
		{[]string{"tags"}, 0, "what can be read is read"},
		{[]string{"show", "3"}, 0, "what can be read is read"},
		{[]string{"export", "-"}, 0, "what can be read is read"},
		{[]string{"check"}, 1, "list of free pages"},
		{[]string{"check", "--repair"}, 3, "nothing is mended"},
		{[]string{"fetch"}, 3, "nothing is written"},
		{[]string{"import", in}, 3, "nothing is written"},
		{[]string{"add", "https://example.org/feed"}, 3, "nothing is written"},
		{[]string{"feed", "add", "some", "word"}, 3, "nothing is written"},
		{[]string{"release", "1"}, 3, "nothing is written"},
	} {
		cmd := exec.Command(bin, append([]string{"--data", data}, test.args...)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		_ = cmd.Run() // its code says it
		if said := stderr.String(); cmd.ProcessState.ExitCode() != test.code || !strings.Contains(said, test.says) ||
			!strings.Contains(said, "the archive is damaged") || !strings.Contains(said, "backissue rebuild") {
			t.Errorf("%v: %v\n%s", test.args, cmd.ProcessState, said)
		}
	}

	p := serving(t, "--data", data, "--status")
	for path, want := range map[string]string{
		"/feed.atom": "Article number", "/tags/tag-3.atom": "Article number", "/status": "backissue rebuild", "/healthz": "only read",
	} {
		res, err := http.Get(p.base + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if bad := path == "/healthz"; err != nil || (res.StatusCode == http.StatusServiceUnavailable) != bad || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, %v\n%.300s", path, res.Status, err, body)
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed: %v", err)
	}
}

// loseFreePages overwrites the page where an archive's list of free pages begins.
func loseFreePages(t *testing.T, path string) {
	t.Helper()
	const page = 8192
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head := b[16:]
	if newer := b[page+16:]; binary.NativeEndian.Uint64(newer[48:]) > binary.NativeEndian.Uint64(head[48:]) {
		head = newer
	}
	at := binary.NativeEndian.Uint64(head[32:]) * page
	clear(b[at : at+page])
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
