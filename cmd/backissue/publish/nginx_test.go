package publish_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// nginx serves a folder with the configuration that docs/publish.md gives, and returns its address.
func nginx(t *testing.T, dir string) string {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx"
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("nginx is not installed, so that the files cannot be served with it")
	}
	address := freePort(t)
	home := t.TempDir()
	server := documented(t, "../../../docs/publish.md")
	server = replaceOnce(t, server, "listen 127.0.0.1:8081;", "listen "+address+";")
	server = replaceOnce(t, server, "root /var/www/feeds;", "root "+dir+";")
	config := "daemon off; master_process off; pid " + home + "/pid; error_log " + home + "/error.log;\n" +
		"events {}\nhttp {\naccess_log off;\n"
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		config += name + "_temp_path " + home + "/" + name + ";\n"
	}
	file := filepath.Join(home, "nginx.conf")
	if err := os.WriteFile(file, []byte(config+server+"\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-c", file, "-p", home)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has nothing to lose
		_ = cmd.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(home + "/error.log")
			t.Logf("nginx: %s%s", &out, log)
		}
	})
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return "http://" + address
		}
		if time.Now().After(until) {
			t.Fatalf("nginx does not answer: %v\n%s", err, &out)
		}
	}
}

// documented returns the configuration that a document shows.
func documented(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, config, ok := strings.Cut(string(text), "```nginx\n")
	if !ok {
		t.Fatalf("%s shows no configuration", file)
	}
	config, _, _ = strings.Cut(config, "```")
	return config
}

func replaceOnce(t *testing.T, s, old, new string) string {
	t.Helper()
	if strings.Count(s, old) != 1 {
		t.Fatalf("the configuration does not have %q once", old)
	}
	return strings.Replace(s, old, new, 1)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// get asks for a document without following redirects.
func get(t *testing.T, address, encoding string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", encoding)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(fmt.Errorf("GET %s: %w", address, err))
	}
	return resp, body
}
