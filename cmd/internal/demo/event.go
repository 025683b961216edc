package demo

import "time"

// event is the payload of every message of the demo: something that happened in an incident.
type event struct {
	ID           string    `json:"id"`
	Type         string    `json:"type"`
	Incident     string    `json:"incident"`
	Title        string    `json:"title"`
	Severity     int       `json:"severity"`
	Service      string    `json:"service"`
	Team         string    `json:"team"`
	Lead         *person   `json:"lead"`
	Organisation int       `json:"organisation"`
	Text         string    `json:"text"`
	Webhook      string    `json:"webhook,omitempty"`
	ChatBusy     bool      `json:"chat_busy,omitempty"`
	At           time.Time `json:"at"`
}

type person struct {
	Handle string `json:"handle"`
}

// idAttribute is the attribute that carries event.ID, which a payload that cannot be decoded hides.
const idAttribute = "event_id"

const (
	deletedOrganisation = 4711
	formerTeam          = "mobile-2019"
	unknownSeverity     = 9
	brokenTemplate      = "{{ .Owner"
	silentWebhook       = "https://pager.example/hook"
)

// The vocabulary of good events.
var (
	types = []string{"incident.declared", "incident.updated", "incident.escalated", "incident.resolved"}

	titles = []string{
		"Checkout answers slowly", "Login fails for some customers", "Search returns nothing",
		"Emails are delayed", "Uploads stop at 99 %", "Exports are empty", "Invoices show the wrong currency",
	}
	services = []string{"checkout", "identity", "search", "mail", "storage", "exports", "billing"}
	teams    = []string{"payments", "platform", "search", "messaging", "storage"}
	people   = []string{"ana", "bo", "chidi", "dee", "emil", "farah"}
	updates  = []string{
		"Rolled the last deploy back.", "A replica is catching up.", "Added capacity in eu-west.",
		"The provider confirmed trouble on their side.", "Error rate is falling.", "Back to normal, watching.",
	}
)
