package incident

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// maxBurst bounds how many incidents a source may open in 10 minutes.
const maxBurst = 1000

func (c *settingsCheck) sources() {
	each(c, "sources", c.s.Sources, func(v Source) string { return v.ID }, func(at string, v Source) {
		c.sourceSecrets(at, v)
		if v.PerAlert && v.Kind != "alertmanager" {
			c.wrong(at+".per_alert", "is for sources of kind alertmanager only")
		}
		if len(v.Severity) > maxListed {
			c.wrong(at+".severity", fmt.Sprintf("has more than %d members", maxListed))
		}
		for _, said := range slices.Sorted(maps.Keys(v.Severity)) {
			place := fmt.Sprintf("%s.severity[%.80q]", at, said)
			c.wrong(place, badLabel(said))
			if ours := v.Severity[said]; !c.hasSeverity(ours) {
				c.wrong(place, unknown("severity", ours))
			}
		}
		if v.Default != "" && !c.hasSeverity(v.Default) {
			c.wrong(at+".default", unknown("severity", v.Default))
		}
		if v.Burst < 0 || v.Burst > maxBurst {
			c.wrong(at+".burst", fmt.Sprintf("must be between 1 and %d, or 0 for the default of 10", maxBurst))
		}
		c.wrong(at+".runbook", badLongText(v.Runbook, maxSettings))
	})
}

// sourceSecrets checks that what a source says can be trusted: whoever may post may call people.
func (c *settingsCheck) sourceSecrets(at string, v Source) {
	if v.TokenHash != "" {
		sum, err := hex.DecodeString(v.TokenHash)
		if err != nil || len(sum) != 32 || strings.ToLower(v.TokenHash) != v.TokenHash {
			c.wrong(at+".token_hash", "must be a SHA-256 in 64 small hexadecimal digits")
		}
	}
	if v.SecretEnv != "" {
		c.wrong(at+".secret_env", badEnv(v.SecretEnv))
	}
	switch v.Kind {
	case "generic":
		if v.TokenHash == "" && v.SecretEnv == "" {
			c.wrong(at+".token_hash", "a source of kind generic needs it, or secret_env")
		}
	case "sentry":
		if v.SecretEnv == "" {
			c.wrong(at+".secret_env", "a source of kind sentry needs it")
		}
	case "pagerduty":
		if v.SecretEnv == "" {
			c.wrong(at+".secret_env", "a source of kind pagerduty needs it")
		}
	case "alertmanager":
		if v.TokenHash == "" {
			c.wrong(at+".token_hash", "a source of kind alertmanager needs it")
		}
	default:
		c.wrong(at+".kind", fmt.Sprintf("%.40q is none of generic, sentry, alertmanager, pagerduty", v.Kind))
	}
}

func (c *settingsCheck) endpoints() {
	each(c, "endpoints", c.s.Endpoints, func(v Endpoint) string { return v.ID }, func(at string, v Endpoint) {
		c.wrong(at+".url", badAddress(v.URL, v.AllowPrivate))
		published := func(id string) bool {
			trait, known := TraitOf(EventType(id))
			return known && trait.Published
		}
		var types []string
		for _, t := range v.Types {
			types = append(types, string(t))
		}
		c.refs(at+".types", "published type of event", types, published)
		if len(v.SecretEnv) == 0 || len(v.SecretEnv) > 2 {
			c.wrong(at+".secret_env", "must name one environment variable, or two while a secret rotates")
			return
		}
		for i, env := range v.SecretEnv {
			c.wrong(fmt.Sprintf("%s.secret_env[%d]", at, i), badEnv(env))
		}
	})
}

// badAddress says what is wrong with the address of an endpoint. Whether it leads into a private
// network is known only when its name is looked up, at each delivery.
func badAddress(address string, plain bool) string {
	if len(address) > maxAddress {
		return fmt.Sprintf("is longer than %d bytes", maxAddress)
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return "must be an address such as https://example.com/hook"
	case u.Scheme != "https" && (u.Scheme != "http" || !plain):
		return "must begin with https://; http:// is for private networks (allow_private)"
	case u.User != nil:
		return "must not have a name or password in it: secrets stand in no document"
	case u.Fragment != "":
		return "must not have a fragment (#…)"
	}
	return ""
}

func (c *settingsCheck) announce() {
	if len(c.s.Announce) > maxListed {
		c.wrong("announce", fmt.Sprintf("has more than %d members", maxListed))
		return
	}
	seen := make(map[string]bool)
	for i, a := range c.s.Announce {
		at := fmt.Sprintf("announce[%d]", i)
		if problem := badID(a.Channel); problem != "" {
			c.wrong(at+".channel", problem)
		} else if seen[a.Channel] {
			c.wrong(at+".channel", fmt.Sprintf("%q is there twice", a.Channel))
		}
		seen[a.Channel] = true
		c.refs(at+".severities", "severity", a.Severities, c.hasSeverity)
		c.refs(at+".types", "type", a.Types, c.hasType)
	}
}

// rest checks what stands alone.
func (c *settingsCheck) rest() {
	const maxPrefix = 20 // names of channels have 80 characters in all
	bad := strings.ContainsFunc(c.s.ChannelPrefix, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
	if bad || len(c.s.ChannelPrefix) > maxPrefix {
		c.wrong("channel_prefix", fmt.Sprintf("may have at most %d small letters, digits, - and _", maxPrefix))
	}
	if len(c.s.Runbooks) > maxListed {
		c.wrong("runbooks", fmt.Sprintf("has more than %d members", maxListed))
	}
	for _, subscription := range slices.Sorted(maps.Keys(c.s.Runbooks)) {
		at := fmt.Sprintf("runbooks[%.80q]", subscription)
		c.wrong(at, badLabel(subscription))
		c.wrong(at, badLongText(c.s.Runbooks[subscription], maxSettings))
	}
}
