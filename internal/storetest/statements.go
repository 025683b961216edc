// Package storetest has tests that a store of any database passes.
package storetest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// RunStatementTests checks the statements of a store, in the package's folder
// sql: prepare takes each of them, on a schema as the migrations leave it, and
// the package's code uses each of them.
func RunStatementTests(t *testing.T, prepare func(statement string) error) {
	code := sources(t)
	embedded := regexp.MustCompile(`//go:embed (sql/\w+\.sql)\n\s+(\w+) string`).FindAllStringSubmatch(code, -1)
	names := make(map[string]string)
	for _, m := range embedded {
		names[m[1]] = m[2]
	}
	files, err := filepath.Glob("sql/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no statements found: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := prepare(string(b)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		name := names[file]
		if uses := regexp.MustCompile(`\b`+name+`\b`).FindAllString(code, -1); name == "" || len(uses) < 2 {
			t.Errorf("%s is used nowhere", file)
		}
	}
	if len(files) != len(names) {
		t.Errorf("%d statements are embedded and there are %d files", len(names), len(files))
	}
}

// sources returns the code of the package in the working directory, without its
// tests.
func sources(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}
