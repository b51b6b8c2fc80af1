package main

import (
	"io"
	"path/filepath"
)

// env is where a command is run: the process's own surroundings, or those of the person who typed
// it where this process carries it out on another's behalf.
type env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Args           []string            // the command line after the program name
	Dir            string              // where relative paths start
	Getenv         func(string) string // environment
	Terminal       bool                // Stderr is a terminal, so progress may be shown
	Width          int                 // of the terminal
	Color          bool                // Stdout is a terminal that may be shown colours

	// archive is set where this process has the archive open already, so that the command is to use
	// it and not to open its own.
	archive *archive
}

// environment is what the program heeds of the environment.
func environment() []string {
	return []string{
		"BACKISSUE_DATA", "BACKISSUE_LISTEN", "BACKISSUE_BASE_URL", "BACKISSUE_ALLOW", "XDG_DATA_HOME", "HOME",
		// Who asks storage for backups, and where; backup says so. They are secrets, and go no further than
		// through the socket, which only its owner may use.
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL",
	}
}

// path returns a path as it is to be opened.
func (e *env) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(e.Dir, p)
}
