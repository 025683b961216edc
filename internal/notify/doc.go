// Package notify is the last part of the alert path: it tells people by PagerDuty (Events API v2) or by a
// signed webhook when the usual way, a chat message, did not take a notice in time, or when a policy says
// that one way is not enough.
//
//	pd, err := notify.NewPagerDuty(notify.PagerDutyConfig{RoutingKey: key})
//	hook, err := notify.NewWebhook(notify.WebhookConfig{URL: url, Secrets: secrets})
//	…
//	if action, ok := policy.Next(facts, memory); ok {
//		alert := facts.Draft(action, memory)
//		alert.Title, alert.Source = title, host
//		memory = memory.Before(action, facts) // and store it
//		if err := pd.Send(ctx, alert); err == nil {
//			memory = memory.After(action, facts) // and store it
//		}
//	}
//
// # Who keeps what
//
// Nothing here has a queue, a timer or a goroutine. [Sender.Send] makes one POST and says what became of it.
// [Policy.Next] is a pure function that says what is to be sent. The caller keeps one [Memory] for each
// sender and key, in the store with its notice, and calls again.
//
//	Send returns       means                                      the caller
//	nil                taken                                      stores memory.After(action, facts)
//	*RetryError        unknown or not now: 429, 5xx, network      tries again, not before After
//	*PermanentError    never, as things are: key, URL, content    shows it; tries again when restarted
//	context.Canceled   cut short, may have arrived                tries again in its next life
//
// # Repeats
//
// A process may die between Send and the storing of its memory, and an answer may be lost after the other
// side took the alert. Then the same alert is sent again, and nobody is told twice:
//
//   - PagerDuty: dedup_key is the alert's key. A second trigger of an open alert notifies nobody, a second
//     acknowledge or resolve changes nothing.
//   - Nor is an alert left open whose problem is over: Before is stored first, so a resolve follows even a
//     trigger of which nobody knows whether it arrived. A receiver may therefore hear of the end of what it
//     never heard of.
//   - Webhook: [Alert.ID] travels as webhook-id and is made of key, action and episode, all of which are the
//     same in each try. A receiver remembers the ids that it took, for a day at least and not for ever (an
//     episode's number begins anew when its group was deleted), and answers 2xx to a repeat without acting.
//
// # What travels, and what is shown
//
// An alert is an allow-list: key, title, source, component, class, details and links that the caller chose;
// never payloads. Text is made one line, without control and direction characters, and is cut; what was
// cut away or left out is said in the detail "left out". All of it stays other people's words: a receiver
// escapes it where it shows it.
//
// Routing keys, secrets and the URL of a webhook (which may carry a token) are in no error, and are not
// printed with the types that hold them; of a URL only the host is shown. Of what the other side answers,
// nothing is shown but PagerDuty's reasons for a 400, scrubbed. Redirects are not followed: they would
// carry the key elsewhere.
//
// # Which addresses are called
//
// URLs are the operator's own words, so receivers on private networks are called; plain http only on
// loopback, or where Plaintext asks for it. Link-local addresses and those of cloud metadata services are
// refused after DNS, at each dial, and all that are not public with PublicOnly. No proxy is taken from the
// environment; an HTTPClient of the caller's may have one, and then dials as it likes.
package notify
