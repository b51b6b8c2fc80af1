//go:build !linux

package main

import "os"

// executable returns this program.
func executable() (string, error) { return os.Executable() }

// giveWay has this process run only when no other wants to, where there is a way to say so.
func giveWay() {}
