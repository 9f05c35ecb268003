package uplot

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

// TestUnchanged: the files are the released ones, to the last byte, and of the
// version that they are said to be.
func TestUnchanged(t *testing.T) {
	tests := []struct{ name, text, sum string }{
		{"uPlot.min.js", Script, "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"},
		{"uPlot.min.css", Style, "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04"},
	}
	for _, tt := range tests {
		sum := sha256.Sum256([]byte(tt.text))
		if got := hex.EncodeToString(sum[:]); got != tt.sum {
			t.Errorf("%s has the SHA-256 %s, want %s", tt.name, got, tt.sum)
		}
	}
	if head, _, _ := strings.Cut(Script, "\n"); !strings.Contains(head, "(v"+Version+")") {
		t.Errorf("the script begins with %q, which is not version %s", head, Version)
	}
	if !strings.Contains(License, "Permission is hereby granted") {
		t.Errorf("the licence is %q", License)
	}
}
