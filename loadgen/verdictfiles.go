package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/e0ac7cd4/hotpath/loadgen/ci"
)

// verdictFiles are what continuous integration reads of a command.
type verdictFiles struct {
	junit   string
	summary summaryName
	opened  files
	append  *os.File
}

func (v *verdictFiles) flags(f *flag.FlagSet) {
	f.StringVar(&v.junit, "junit", "", "`FILE` for the verdicts as JUnit's XML; - as for -html")
	f.Var(&v.summary, "github-summary", "add the verdicts as Markdown to the file of $"+summaryVariable+", or with -github-summary=FILE to that one")
}

// summaryVariable has the file that GitHub shows as the summary of a step.
const summaryVariable = "GITHUB_STEP_SUMMARY"

// summaryName is the name of a file, or with the flag alone the variable's.
type summaryName string

func (n *summaryName) String() string { return string(*n) }

// IsBoolFlag lets the flag stand alone.
func (n *summaryName) IsBoolFlag() bool { return true }

func (n *summaryName) Set(text string) error {
	alone, err := strconv.ParseBool(text)
	switch {
	case err != nil:
		*n = summaryName(text)
	case !alone:
		*n = ""
	default:
		name := os.Getenv(summaryVariable)
		if name == "" {
			return errors.New(summaryVariable + " is not set: -github-summary=FILE names a file")
		}
		*n = summaryName(name)
	}
	return nil
}

// standard reports whether one of the files is the standard output.
func (v *verdictFiles) standard() bool { return v.junit == standard }

// open makes the files before a test, so that a name which cannot be written does
// not cost one.
func (v *verdictFiles) open(out *os.File) (err error) {
	if v.opened, err = openFiles(out, v.junit); err != nil || v.summary == "" {
		return err
	}
	// Steps of a job share the file: what they wrote stays.
	v.append, err = os.OpenFile(string(v.summary), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return usageError{fmt.Errorf("-github-summary: %w", err)}
	}
	return nil
}

// write writes and closes those that were asked for.
func (v *verdictFiles) write(s *ci.Suite) error {
	err := v.opened.write(v.junit, func(w io.Writer) error { return ci.JUnit(w, s) })
	if v.append == nil {
		return err
	}
	if failed := errors.Join(ci.Summary(v.append, s), v.append.Close()); failed != nil {
		err = errors.Join(err, fmt.Errorf("writing %s: %w", v.summary, failed))
	}
	return err
}
