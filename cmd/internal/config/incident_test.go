package config

import (
	"strings"
	"testing"

	"github.com/theriac/theriac/internal/problem"
)

// An address that no link can begin with is found before the first page goes out with it.
func TestLoadIncident_PublicURL(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"": "", "https://inc.example.com": "https://inc.example.com", "http://inc.internal:8080/theriac/": "http://inc.internal:8080/theriac",
	} {
		inc, err := LoadIncident(Settings{}, []string{"THERIAC_PUBLIC_URL=" + address})
		if err != nil || inc.PublicURL != want {
			t.Errorf("%q is read as %q, %v", address, inc.PublicURL, err)
		}
	}
	for _, address := range []string{
		"inc.example.com", "inc.example.com:8080", "ftp://inc.example.com", "https://", "https:///x", "https://a b", "https://x.example?y", "https://x.example#y",
		"https://hunter2@x.example",
	} {
		_, err := LoadIncident(Settings{}, []string{"THERIAC_PUBLIC_URL=" + address})
		if problem.Of(err) != problem.Invalid || !strings.Contains(err.Error(), "THERIAC_PUBLIC_URL") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// Whoever has one link can try keys at leisure, so a key that can be guessed is none.
func TestLoadIncident_LinkKey(t *testing.T) {
	t.Parallel()
	for key, fine := range map[string]bool{"": true, "hunter2": false, "0123456789abcdef0123456789abcde": false, "0123456789abcdef0123456789abcdef": true} {
		_, err := LoadIncident(Settings{}, []string{"THERIAC_LINK_KEY=" + key})
		if (err == nil) != fine || err != nil && (problem.Of(err) != problem.Invalid || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "32")) {
			t.Errorf("a key of %d bytes: %v", len(key), err)
		}
	}
}

func TestLoadIncident_LogFormat(t *testing.T) {
	t.Parallel()
	for format, fine := range map[string]bool{"": true, LogText: true, LogJSON: true, "xml": false} {
		inc, err := LoadIncident(Settings{}, []string{LogFormatVariable + "=" + format})
		if (err == nil) != fine || fine && inc.LogFormat != format || err != nil && problem.Of(err) != problem.Invalid {
			t.Errorf("%q is read as %q, %v", format, inc.LogFormat, err)
		}
	}
}
