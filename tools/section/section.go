// Package section puts what a command has measured into the document that has a
// section for it.
package section

import (
	"fmt"
	"strings"
)

// Marks are the lines that the section of a command stands between.
func Marks(command string) (begin, end string) {
	return "<!-- begin: " + command + " -->", "<!-- end: " + command + " -->"
}

// Text is what stands between the marks of a command: "" if nothing does.
func Text(document, command string) string {
	beginMark, endMark := Marks(command)
	_, rest, _ := strings.Cut(document, beginMark+"\n")
	text, _, ok := strings.Cut(rest, endMark+"\n")
	if !ok {
		return ""
	}
	return strings.TrimSpace(text)
}

// Replace returns the document with text between the marks of its
// command, and everything else as it was.
func Replace(document, text, command string) (string, error) {
	beginMark, endMark := Marks(command)
	before, rest, ok := strings.Cut(document, beginMark+"\n")
	if !ok {
		return "", fmt.Errorf("the document has no line %q", beginMark)
	}
	_, after, ok := strings.Cut(rest, endMark+"\n")
	if !ok {
		return "", fmt.Errorf("the document has no line %q behind %q", endMark, beginMark)
	}
	return before + beginMark + "\n\n" + text + "\n" + endMark + "\n" + after, nil
}
