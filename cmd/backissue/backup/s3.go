package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// bucket keeps backups in S3-compatible storage, where nothing can be added to what is there: a WARC file that
// has grown gets a further part.
type bucket struct {
	client *minio.Client
	name   string
	prefix string // of all keys, with a slash at its end; may be empty
}

var _ storage = (*bucket)(nil)

const (
	scheme     = "s3://"
	maxRetries = 4 // with longer and longer waits between them: some seconds in all
)

// Errors of S3-compatible storage that callers tell apart.
var (
	ErrAddress     = errors.New("an address in S3 is s3://BUCKET or s3://BUCKET/PREFIX")
	ErrCredentials = errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
	ErrRefused     = errors.New("the storage refuses")
)

// openBucket returns the storage at an s3:// address. getenv names the service and who asks, with the variables
// that other programs know too.
func openBucket(where string, getenv func(string) string) (*bucket, error) {
	name, prefix, _ := strings.Cut(strings.TrimPrefix(where, scheme), "/")
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	if name == "" || strings.ContainsAny(name, "@:?#") || path.Clean("/"+prefix)+"/" != "/"+prefix && prefix != "" {
		return nil, ErrAddress // which is not repeated: somebody may have put a password into it
	}
	id, secret := getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY")
	if id == "" || secret == "" {
		return nil, ErrCredentials
	}
	o := &minio.Options{
		Creds:      credentials.NewStaticV4(id, secret, getenv("AWS_SESSION_TOKEN")),
		Secure:     true,
		Region:     getenv("AWS_REGION"),
		MaxRetries: maxRetries,
	}
	host := "s3.amazonaws.com"
	if endpoint := getenv("AWS_ENDPOINT_URL"); endpoint != "" {
		u, err := url.Parse(endpoint)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" {
			return nil, errors.New("AWS_ENDPOINT_URL is no address of a server: https://HOST or http://HOST:PORT")
		}
		host, o.Secure = u.Host, u.Scheme == "https"
		if o.Region == "" {
			o.Region = "us-east-1" // which servers that know no regions take
		}
	}
	client, err := minio.New(host, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	return &bucket{client, name, prefix}, nil
}

func (b *bucket) work(dir, _ string) string { return filepath.Join(dir, ".backup"+partSuffix) }

func (b *bucket) journal(dir string) string { return filepath.Join(dir, rawName) }

// prepare also ends uploads of parts that were cut off, which nobody sees and somebody pays for.
func (b *bucket) prepare(ctx context.Context) error {
	there, err := b.client.BucketExists(ctx, b.name)
	if err != nil {
		return b.said(err)
	}
	if !there {
		return fmt.Errorf("there is no bucket %q at %s", b.name, b.client.EndpointURL().Host)
	}
	for u := range b.client.ListIncompleteUploads(ctx, b.name, b.prefix, true) {
		if minio.ToErrorResponse(u.Err).Code == minio.NoSuchUpload {
			break // which some say where there are none
		}
		if u.Err != nil {
			return b.said(u.Err)
		}
		if !ours(strings.TrimPrefix(u.Key, b.prefix)) {
			continue
		}
		if err := b.client.RemoveIncompleteUpload(ctx, b.name, u.Key); err != nil {
			return b.said(err)
		}
	}
	return nil
}

func (b *bucket) list(ctx context.Context) (map[string]int64, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop() // the lister
	files := make(map[string]int64)
	for o := range b.client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix, Recursive: true}) {
		if o.Err != nil {
			return nil, b.said(o.Err)
		}
		if name := strings.TrimPrefix(o.Key, b.prefix); ours(name) {
			files[name] = o.Size
		}
	}
	return files, context.Cause(ctx)
}

func (b *bucket) read(ctx context.Context, name string, from, n int64) (io.ReadCloser, error) {
	if n == 0 {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	var o minio.GetObjectOptions
	if err := o.SetRange(from, from+n-1); err != nil {
		return nil, err
	}
	r, err := b.client.GetObject(ctx, b.name, b.prefix+name, o)
	if err != nil {
		return nil, b.said(err)
	}
	return told{r, b}, nil
}

// told is an object, whose errors are said in our words.
type told struct {
	object io.ReadCloser
	b      *bucket
}

func (t told) Read(p []byte) (int, error) {
	n, err := t.object.Read(p)
	if err != nil && err != io.EOF {
		err = t.b.said(err)
	}
	return n, err
}

func (t told) Close() error { return t.object.Close() }

func (b *bucket) put(ctx context.Context, path, name string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return b.store(ctx, name, file, 0, info.Size())
}

func (b *bucket) extend(ctx context.Context, s segment, from io.ReaderAt, n int64) error {
	have := s.bytes()
	return b.store(ctx, fileAt(s.name, have), from, have, n)
}

// store stores bytes of a file, from one place to another, and reads back what is there then.
func (b *bucket) store(ctx context.Context, name string, from io.ReaderAt, begin, end int64) error {
	content := func() io.Reader { return io.NewSectionReader(from, begin, end-begin) }
	_, err := b.client.PutObject(ctx, b.name, b.prefix+name, content(), end-begin, minio.PutObjectOptions{
		ContentType: "application/octet-stream", SendContentMd5: true,
	})
	if err != nil {
		return fmt.Errorf("store %s: %w", name, b.said(err))
	}
	sent, stored := sha256.New(), sha256.New()
	if _, err := io.Copy(sent, stoppable{ctx, content()}); err != nil {
		return err
	}
	if err := copyFrom(ctx, b, stored, name, 0, end-begin); err != nil {
		return err
	}
	if !bytes.Equal(sent.Sum(nil), stored.Sum(nil)) {
		return fmt.Errorf("store %s: what is there is not what was sent", name)
	}
	return nil
}

func (b *bucket) cut(ctx context.Context, s segment, n int64) (segment, error) {
	for len(s.parts) > 0 && s.parts[len(s.parts)-1].at >= n {
		last := len(s.parts) - 1
		if err := b.remove(ctx, s.parts[last].file); err != nil {
			return s, err
		}
		s.parts = s.parts[:last]
	}
	if last := len(s.parts) - 1; last >= 0 {
		p := &s.parts[last]
		p.bytes = min(p.bytes, n-p.at) // what is behind it the next part hides
	}
	return s, nil
}

func (b *bucket) remove(ctx context.Context, name string) error {
	return b.said(b.client.RemoveObject(ctx, b.name, b.prefix+name, minio.RemoveObjectOptions{}))
}

// said says in words that help what the storage, or the way to it, has said.
func (b *bucket) said(err error) error {
	var answer minio.ErrorResponse
	if err == nil || !errors.As(err, &answer) {
		return err
	}
	switch answer.Code {
	case minio.NoSuchBucket:
		return fmt.Errorf("there is no bucket %q at %s", b.name, b.client.EndpointURL().Host)
	case minio.AccessDenied, "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken":
		return fmt.Errorf("%w: %s (%s)", ErrRefused, answer.Code, answer.Message)
	}
	return err
}
