package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// CheckFiles reports, as an [*Error], the first file named by c that cannot do
// its job: certificate and key must load and belong together, the root must be
// a directory that can be listed, the access log a file that can be appended
// to, and the token's file must hold one.
func (c Config) CheckFiles() error {
	if c.Cert != "" {
		if _, err := c.Certificate(); err != nil {
			return err
		}
	}
	if c.Root != "" {
		if err := checkRoot(c.Root); err != nil {
			return &Error{"root", "root", c.Root, fileProblem(err), "a directory that can be read"}
		}
	}
	if c.AccessLog != "off" && c.AccessLogFile != "-" {
		if err := checkAppend(c.AccessLogFile); err != nil {
			const key = "access-log-file"
			return &Error{key, key, c.AccessLogFile, fileProblem(err), "a file that can be written, or one to be made in a directory that is there"}
		}
	}
	_, err := c.AdminToken()
	return err
}

func checkRoot(name string) error {
	if info, err := os.Stat(name); err != nil { // before it is opened: a pipe waits for its writer then
		return err
	} else if !info.IsDir() {
		return errors.New("is not a directory")
	}
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	if _, err := dir.Readdirnames(1); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// checkAppend reports what keeps a file from being appended to. It makes none,
// and opens no pipe, which would wait for a reader.
func checkAppend(name string) error {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		_, err = os.Stat(filepath.Dir(name))
		return err
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("is a directory")
	case !info.Mode().IsRegular():
		return nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// Check is the subcommand check: it loads the settings as the server would and
// checks the files that they name, without a listener. It returns the exit
// status: 0 with a line on stdout where all is well, 2 with a line on stderr
// where not. What is valid and yet looks wrong is a warning on stderr.
func Check(args, environ []string, stdout, stderr io.Writer) int {
	c, err := Load(args, environ, ReadFile)
	if err == nil {
		err = c.CheckFiles()
	}
	switch {
	case errors.Is(err, ErrHelp):
		err = WriteHelp(stdout)
	case err == nil:
		c.warn(stderr)
		_, err = fmt.Fprintln(stdout, "configuration is valid")
	}
	if err != nil {
		fmt.Fprintln(stderr, "hotpath: "+err.Error())
		return 2
	}
	return 0
}
