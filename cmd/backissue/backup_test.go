package main

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
)

// memory takes an empty delimiter for none in lists, as S3 does.
type memory struct{ *s3mem.Backend }

func (m memory) ListBucket(ctx context.Context, name string, p *gofakes3.Prefix, page gofakes3.ListBucketPage) (*gofakes3.ObjectList, error) {
	whole := *p
	whole.HasDelimiter = p.Delimiter != ""
	return m.Backend.ListBucket(ctx, name, &whole, page)
}

// TestBackupToS3 has a server back up to S3-compatible storage of which it knows nothing but what comes along
// with the command, and brings the archive back elsewhere.
func TestBackupToS3(t *testing.T) {
	bin, err := exec.LookPath("backissue")
	if err != nil {
		t.Fatal(err) // TestMain puts it there
	}
	storage := memory{s3mem.New()}
	if err := storage.CreateBucket(t.Context(), "feeds"); err != nil {
		t.Fatal(err)
	}
	s3 := httptest.NewServer(gofakes3.New(storage, gofakes3.WithV4Auth(map[string]string{"somebody": "whisper"})).Server())
	defer s3.Close()
	data, err := os.MkdirTemp("", "s3") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(data)
	in, elsewhere, where := t.TempDir(), filepath.Join(t.TempDir(), "elsewhere"), "s3://feeds/of/mine"
	makeArticles(t, in, 20)
	mustRun(t, bin, "import", "--data", data, in)

	serve := exec.Command(bin, "serve", "--data", data, "--listen", "127.0.0.1:0")
	said := &bytes.Buffer{}
	serve.Stdout, serve.Stderr = said, said
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = serve.Process.Kill()
		_ = serve.Wait()
		if strings.Contains(said.String(), "whisper") {
			t.Errorf("the server tells what it was told: %s", said)
		}
	}()
	run := func(secret string, args ...string) (string, error) {
		cmd := exec.Command(bin, args...)
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=somebody", "AWS_SECRET_ACCESS_KEY="+secret, "AWS_ENDPOINT_URL="+s3.URL)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, test := range []struct {
		secret, want string
		code         int
		args         []string
	}{
		{"", "AWS_SECRET_ACCESS_KEY are not set", 1, []string{"backup", "--data", data, where}},
		{"loud", "the storage refuses", 1, []string{"backup", "--data", data, where}},
		{"whisper", "s3://BUCKET", 2, []string{"backup", "--data", data, "s3://"}},
		{"whisper", "20 articles, checked", 0, []string{"backup", "--data", data, where}},
		{"whisper", "no such backup", 1, []string{"backup", "--data", data, "--drill", "--at", "20200101T000000Z", where}},
		{"whisper", "1 older backup removed", 0, []string{"backup", "--data", data, "--keep", "1", where}},
		{"whisper", "ARTICLES", 0, []string{"backup", "--list", where}},
		{"whisper", "it comes back", 0, []string{"backup", "--drill", where}},
		{"whisper", "20 articles, checked", 0, []string{"restore", "--data", elsewhere, where}},
	} {
		out, err := run(test.secret, test.args...)
		code := 0
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			code = exit.ExitCode()
		}
		if !strings.Contains(out, test.want) || code != test.code || strings.Contains(out, "whisper") {
			t.Errorf("%q: exit code %d, %s", test.args, code, out)
		}
	}
	one, _ := run("", "export", "--data", data, "-")
	other, err := run("", "export", "--data", elsewhere, "-")
	if err != nil || one != other || len(one) < 1000 {
		t.Errorf("what came back is another archive: %v, %d bytes and %d", err, len(one), len(other))
	}
}
