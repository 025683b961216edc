package slackfake

import (
	"encoding/json"
	"strings"
)

// span is a piece of mrkdwn as a person sees it. Kind is text, bold, code, fence, link or mention.
type span struct{ Kind, Text, URL string }

// mrkdwn reads a text as Slack does, as far as our messages go. What is no markup stays text.
func mrkdwn(text string) []span {
	var spans []span
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			spans = append(spans, span{Kind: "text", Text: unescape(plain.String())})
			plain.Reset()
		}
	}
	for text != "" {
		found, rest, ok := markup(text)
		if !ok {
			plain.WriteByte(text[0])
			text = text[1:]
			continue
		}
		flush()
		spans = append(spans, found)
		text = rest
	}
	flush()
	return spans
}

// markup reads what text begins with, if it is more than text.
func markup(text string) (span, string, bool) {
	for _, form := range []struct{ mark, kind string }{{"```", "fence"}, {"`", "code"}, {"*", "bold"}} {
		rest, ok := strings.CutPrefix(text, form.mark)
		if !ok {
			continue
		}
		inner, rest, ok := strings.Cut(rest, form.mark)
		if ok && strings.TrimSpace(inner) != "" && (form.kind == "fence" || !strings.Contains(inner, "\n")) {
			return span{Kind: form.kind, Text: unescape(inner)}, rest, true
		}
	}
	if !strings.HasPrefix(text, "<") {
		return span{}, "", false
	}
	inner, rest, ok := strings.Cut(text[1:], ">")
	if !ok || inner == "" || strings.ContainsAny(inner, "<\n") {
		return span{}, "", false
	}
	target, label, _ := strings.Cut(inner, "|")
	if label == "" {
		label = target
	}
	switch {
	case target == "":
		return span{}, "", false
	case strings.HasPrefix(target, "!date^"):
		return span{Kind: "text", Text: unescape(label)}, rest, true
	case strings.IndexByte("!@#", target[0]) >= 0:
		return span{Kind: "mention", Text: unescape(label)}, rest, true
	case strings.HasPrefix(target, "http://"), strings.HasPrefix(target, "https://"), strings.HasPrefix(target, "mailto:"):
		return span{Kind: "link", Text: unescape(label), URL: unescape(target)}, rest, true
	default:
		return span{}, "", false
	}
}

func unescape(text string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}

// Mentions returns what in a message would call people or name channels, such as "!channel" and "@U0ANA".
func (m Message) Mentions() []string {
	texts := []string{m.Text}
	var add func(v any)
	add = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				add(one)
			}
		case map[string]any:
			if text, ok := v["text"].(string); ok && v["type"] == "mrkdwn" {
				texts = append(texts, text)
			}
			for _, one := range v {
				add(one)
			}
		}
	}
	var blocks any
	_ = json.Unmarshal(m.Blocks, &blocks)
	add(blocks)
	var found []string
	for _, text := range texts {
		for _, s := range mrkdwn(text) {
			if s.Kind == "mention" {
				found = append(found, s.Text)
			}
		}
	}
	return found
}
