package pgtest

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNewest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		files map[string]os.FileMode
		want  string
	}{
		{"None", nil, ""},
		{"ByNumberNotByText", map[string]os.FileMode{
			"9/bin/initdb": 0o755, "9/bin/postgres": 0o755, "15/bin/initdb": 0o755, "15/bin/postgres": 0o755,
		}, "15/bin"},
		{"ServerMissing", map[string]os.FileMode{
			"17/bin/initdb": 0o755, "16/bin/initdb": 0o755, "16/bin/postgres": 0o755,
		}, "16/bin"},
		{"NotExecutable", map[string]os.FileMode{"17/bin/initdb": 0o755, "17/bin/postgres": 0o644}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for name, mode := range tt.files {
				file := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, nil, mode); err != nil {
					t.Fatal(err)
				}
			}
			want := ""
			if tt.want != "" {
				want = filepath.Join(root, tt.want)
			}
			if got, ok := newest(root); got != want || ok != (want != "") {
				t.Errorf("newest = %q, %t, want %q", got, ok, want)
			}
		})
	}
}
