package backup_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"

	"github.com/backissue/backissue/cmd/backissue/backup"
)

// service is S3-compatible storage on this machine, with a bucket named feeds.
type service struct {
	*httptest.Server
	env    map[string]string
	client *minio.Client
	hear   func(*http.Request) error // of each request; nil for nobody
}

// memory takes an empty delimiter for none in lists, as S3 does.
type memory struct{ *s3mem.Backend }

func (m memory) ListBucket(ctx context.Context, name string, p *gofakes3.Prefix, page gofakes3.ListBucketPage) (*gofakes3.ObjectList, error) {
	whole := *p
	whole.HasDelimiter = p.Delimiter != ""
	return m.Backend.ListBucket(ctx, name, &whole, page)
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{}
	handler := gofakes3.New(memory{s3mem.New()}, gofakes3.WithV4Auth(map[string]string{"somebody": "secret"})).Server()
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.hear != nil && s.hear(r) != nil {
			panic(http.ErrAbortHandler) // the line is dead
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	s.env = map[string]string{"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": s.URL}
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	s.client, err = minio.New(u.Host, &minio.Options{Creds: credentials.NewStaticV4("somebody", "secret", ""), Region: "us-east-1"})
	if err == nil {
		err = s.client.MakeBucket(t.Context(), "feeds", minio.MakeBucketOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *service) getenv(name string) string { return s.env[name] }

func (s *service) at(t *testing.T, where string) *backup.Place {
	t.Helper()
	place, err := backup.At(where, s.getenv)
	if err != nil {
		t.Fatal(err)
	}
	return place
}

const prefix = "some/where/"

// shelf is where this service keeps backups.
func (s *service) shelf(t *testing.T) shelf {
	t.Helper()
	return shelf{
		Place: s.at(t, "s3://feeds/"+prefix),
		files: func(t *testing.T) map[string][]byte {
			t.Helper()
			files := make(map[string][]byte)
			for o := range s.client.ListObjects(t.Context(), "feeds", minio.ListObjectsOptions{Recursive: true}) {
				r, err := s.client.GetObject(t.Context(), "feeds", o.Key, minio.GetObjectOptions{})
				if err != nil {
					t.Fatal(err)
				}
				data, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				files[strings.TrimPrefix(o.Key, prefix)] = data
			}
			return files
		},
		write: func(t *testing.T, name string, data []byte) {
			t.Helper()
			_, err := s.client.PutObject(t.Context(), "feeds", prefix+name, bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{})
			if err != nil {
				t.Fatal(err)
			}
		},
	}
}

func inBucket(t *testing.T) shelf {
	t.Helper()
	return newService(t).shelf(t)
}

// What the storage, or the way to it, refuses is said in words.
func TestRefused(t *testing.T) {
	s := newService(t)
	dead := httptest.NewServer(nil)
	dead.Close()
	dir := t.TempDir()
	db := open(t, dir)
	for _, test := range []struct{ where, name, value, want string }{
		{"s3://nowhere/x", "", "", `there is no bucket "nowhere" at 127.0.0.1`},
		{"s3://feeds", "AWS_SECRET_ACCESS_KEY", "wrong", "the storage refuses"},
		{"s3://feeds", "AWS_ACCESS_KEY_ID", "nobody", "the storage refuses"},
		{"s3://feeds", "AWS_ACCESS_KEY_ID", "", "are not set"},
		{"s3://feeds", "AWS_ENDPOINT_URL", dead.URL, "connection refused"},
		{"s3://feeds", "AWS_ENDPOINT_URL", "somewhere", "no address of a server"},
		{"s3://", "", "", "s3://BUCKET"},
		{"s3://somebody:secret@feeds/x", "", "", "s3://BUCKET"},
		{"s3://feeds/a/../b", "", "", "s3://BUCKET"},
	} {
		getenv := func(name string) string {
			if name == test.name {
				return test.value
			}
			return s.env[name]
		}
		place, err := backup.At(test.where, getenv)
		if err == nil {
			_, _, _, err = place.Make(t.Context(), db, dir, noon)
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s with %s=%s: %v, want %q", test.where, test.name, test.value, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("it tells what nobody should know: %v", err)
		}
	}
}

// Only what is new goes up, and a line that dies in the middle of an upload costs nothing but time.
func TestUploads(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: what goes up is large")
	}
	s, dir := newService(t), t.TempDir()
	to, db := s.shelf(t), open(t, dir)
	noise := make([]byte, 17<<20) // more than one part of an upload
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	save(t, db, 1, string(noise))
	var sent int64
	died := errors.New("died")
	s.hear = func(r *http.Request) error {
		if r.Method != http.MethodPut {
			return nil
		}
		if sent += r.ContentLength; sent > 16<<20 {
			return died
		}
		return nil
	}
	if _, _, _, err := to.Make(t.Context(), db, dir, noon); err == nil {
		t.Fatal("it does without a line")
	}
	s.hear = func(r *http.Request) error {
		if r.Method == http.MethodPut {
			sent += r.ContentLength
		}
		return nil
	}
	first, _ := to.make(t, db, dir, 0)
	for u := range s.client.ListIncompleteUploads(t.Context(), "feeds", "", true) {
		t.Errorf("somebody pays for %s, %v", u.Key, u.Err)
	}
	save(t, db, 2, "Two")
	sent = 0
	second, stored := to.make(t, db, dir, time.Hour)
	if fresh := stored - second.Archive.Bytes; fresh > 10_000 || sent > stored+10_000 {
		t.Errorf("%d bytes went up for %d new ones, and an archive of %d", sent, fresh, second.Archive.Bytes)
	}
	to.nothingElse(t, first, second)
	to.restore(t, first)
	to.restore(t, second)
}

// What another program has brought from S3 to a folder is a folder of backups, and goes on as one.
func TestFromS3ToFolder(t *testing.T) {
	dir := t.TempDir()
	bucket, to, db := inBucket(t), inFolder(t), open(t, dir)
	var last backup.Manifest
	for n := range 4 {
		save(t, db, n, "An article")
		last, _ = bucket.make(t, db, dir, time.Duration(n)*time.Hour)
	}
	for name, data := range bucket.files(t) {
		to.write(t, name, data)
	}
	to.restore(t, last)
	save(t, db, 5, "The last")
	last, _ = to.make(t, db, dir, 9*time.Hour)
	to.nothingElse(t, append(must(to.List(t.Context())), last)...)
	to.restore(t, last)
	whole, err := os.ReadFile(filepath.Join(dir, "raw", last.Raw[0].Name))
	if got := to.files(t)["raw/"+last.Raw[0].Name]; err != nil || !bytes.Equal(got, whole) {
		t.Errorf("in the folder it is %d bytes long, in the archive %d, %v", len(got), len(whole), err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
