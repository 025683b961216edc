package quarantineslack

import (
	"testing"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/handlers/redact"
	"github.com/theriac/theriac/quarantine"
)

// TestTitle_WhatWasCalledSafeIsSaid: by type or as a whole text, and nothing beside it.
func TestTitle_WhatWasCalledSafeIsSaid(t *testing.T) {
	t.Parallel()
	safe, err := redact.New(redact.Config{Types: []string{"*pg.Error"}, Texts: []string{"the ledger is closed"}})
	if err != nil {
		t.Fatal(err)
	}
	of := func(links ...handlers.ErrorLink) quarantine.Entry {
		return quarantine.Entry{Title: "for ana@example.com", Errors: links}
	}
	for want, e := range map[string]quarantine.Entry{
		"the ledger is closed": of(handlers.ErrorLink{Type: "*fmt.wrapError", Text: "for ana@example.com: the ledger is closed"},
			handlers.ErrorLink{Type: "*errors.errorString", Text: "the ledger is closed"}),
		"deadlock detected": of(handlers.ErrorLink{Type: "*pg.Error", Text: "deadlock detected"}),
		"*mail.Error":       of(handlers.ErrorLink{Type: "*mail.Error", Text: "for ana@example.com"}),
		"EOF":               of(handlers.ErrorLink{Type: "*errors.errorString", Text: "EOF"}),
		"":                  of(handlers.ErrorLink{Type: "*errors.errorString", Text: "the ledger is closed for ana@example.com"}),
	} {
		if got := title(safe, e); got != want {
			t.Errorf("said %q, want %q", got, want)
		}
	}
}
