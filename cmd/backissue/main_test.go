package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"backissue": main})
}

// TestScripts types what a person would and compares what they would see. Beside testscript's own
// commands there are
//
//	serve ARG…       start "backissue serve" on a free port and set $URL to its address
//	stop             tell it to stop, and expect it to end well
//	upstream DIR     serve a folder as a publisher would, and set $UPSTREAM to its address
//	requests         print what the publisher was asked since the last time
//	get URL          print what is at an address, headers of interest first
//
// The condition [shared] holds where there is a folder of real articles and feeds beside the
// repository.
func TestScripts(t *testing.T) {
	shared, err := filepath.Abs("../../../shared")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("BACKISSUE_DATA", filepath.Join(e.WorkDir, "archive"))
			e.Setenv("SHARED", shared)
			e.Values["served"] = new(served)
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond != "shared" {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			_, err := os.Stat(shared)
			return err == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": cmdServe, "stop": cmdStop, "upstream": cmdUpstream, "requests": cmdRequests, "get": cmdGet,
		},
	})
}

// served is what a script has running.
type served struct {
	cmd *exec.Cmd
	mu  sync.Mutex
	log []string
}

func state(ts *testscript.TestScript) *served { return ts.Value("served").(*served) }

func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("serve does not understand !")
	}
	bin, err := exec.LookPath("backissue")
	ts.Check(err)
	cmd := exec.Command(bin, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Dir = ts.Getenv("WORK")
	for _, name := range append(environment(), "PATH") {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	state(ts).cmd = cmd
	ts.Defer(func() {
		if c := state(ts).cmd; c != nil {
			_ = c.Process.Kill() // the script has failed already, or it forgot to
			_ = c.Wait()
		}
	})
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if m := regexp.MustCompile(`^serving .* at (http://\S+)\n`).FindStringSubmatch(line); m != nil {
			ts.Logf("%s", strings.TrimSpace(line))
			ts.Setenv("URL", m[1])
			break
		}
		if err != nil {
			ts.Fatalf("serve ended: %v", cmd.Wait())
		}
		ts.Logf("%s", strings.TrimSpace(line))
	}
	go io.Copy(io.Discard, lines)
}

func cmdStop(ts *testscript.TestScript, neg bool, args []string) {
	cmd := state(ts).cmd
	if cmd == nil || neg {
		ts.Fatalf("nothing is served")
	}
	ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	ts.Check(cmd.Wait())
	state(ts).cmd = nil
}

func cmdUpstream(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: upstream DIR")
	}
	s := state(ts)
	files := http.FileServer(http.Dir(ts.MkAbs(args[0])))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if info, err := os.Stat(filepath.Join(ts.MkAbs(args[0]), r.URL.Path)); err == nil {
			w.Header().Set("ETag", fmt.Sprintf(`"%x"`, info.Size()))
		}
		s.mu.Lock()
		line := fmt.Sprintf("%s %s If-None-Match=%s", r.Method, r.URL, r.Header.Get("If-None-Match"))
		for _, name := range []string{"Authorization", "Cookie", "X-Key"} {
			if v := r.Header.Get(name); v != "" {
				line += fmt.Sprintf(" %s=%s", name, v)
			}
		}
		s.log = append(s.log, line)
		s.mu.Unlock()
		files.ServeHTTP(w, r)
	}))
	ts.Defer(srv.Close)
	ts.Setenv("UPSTREAM", srv.URL)
}

func cmdRequests(ts *testscript.TestScript, neg bool, args []string) {
	s := state(ts)
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(ts.Stdout(), strings.Join(s.log, "\n"))
	s.log = nil
}

func cmdGet(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: get URL")
	}
	res, err := http.Get(args[0])
	ts.Check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	if (res.StatusCode >= 400) != neg {
		ts.Fatalf("%s: %s\n%s", args[0], res.Status, body)
	}
	fmt.Fprintf(ts.Stdout(), "%s\nContent-Type: %s\n\n%s", res.Status, res.Header.Get("Content-Type"), body)
}
