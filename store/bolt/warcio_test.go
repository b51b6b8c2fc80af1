package bolt_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// readAll has warcio, which is not ours, read a file, compare the digests of bodies and say of what type the records are.
const readAll = `
import { WARCParser } from "warcio";
import crypto from "node:crypto";
import fs from "node:fs";
for await (const r of new WARCParser(fs.createReadStream(process.argv[2]))) {
  const body = await r.readFully(false);
  const said = r.warcPayloadDigest, is = "sha256:" + crypto.createHash("sha256").update(body).digest("hex");
  console.log(r.warcType, r.warcTargetURI ?? "-", r.httpHeaders?.statusCode ?? "-", said ? said === is : "-", body.length);
}
`

// TestOthersReadTheFiles has the WARC files read by warcio, where that is installed: npm install warcio in the
// folder that WARCIO names.
func TestOthersReadTheFiles(t *testing.T) {
	there := os.Getenv("WARCIO")
	if there == "" {
		t.Skip("WARCIO names no folder in which warcio is installed")
	}
	dir := t.TempDir()
	db := kept(t, dir)
	full(t, db)
	db.Close()
	script := filepath.Join(there, "read-all.mjs")
	if err := os.WriteFile(script, []byte(readAll), 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(script)
	out, err := exec.Command("node", script, filepath.Join(dir, "raw", "2026-11.warc.gz")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for line, want := range map[string]int{
		"warcinfo - - - ": 1, "request https://1.example.org/feed ": 2, "response https://1.example.org/feed 200 true ": 2,
		"response https://2.example.org/feed 200 true ": 2, "resource file:///old%20articles.txt - true 9": 1,
	} {
		if got := strings.Count("\n"+string(out), "\n"+line); got != want {
			t.Errorf("it finds %d records %q, want %d:\n%s", got, line, want, out)
		}
	}
}
