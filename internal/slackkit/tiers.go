package slackkit

// Slack's limits, in calls a minute of one method by one app in one workspace, as
// https://docs.slack.dev/apis/web-api/rate-limits and the page of each method name them. Slack promises at
// least so many and tolerates bursts; we plan with no more.
const (
	tier2 = 20
	tier3 = 50
	tier4 = 100
	// special is planned for methods whose limit Slack calls "several hundred a minute". One a second and
	// channel comes on top for chat.postMessage, see Config.PerChannel.
	special = 300
)

// limitOf returns how many calls of a method Slack takes in a minute, 0 for a method without a budget:
// opening a connection of Socket Mode waits for nobody.
func limitOf(method string) int {
	switch method {
	case "conversations.create", "conversations.list", "conversations.setTopic", "conversations.setPurpose",
		"conversations.archive", "conversations.unarchive", "bookmarks.add", "bookmarks.edit", "pins.add":
		return tier2
	case "conversations.info", "conversations.history", "conversations.replies", "conversations.invite", "bookmarks.list",
		"chat.update", "users.lookupByEmail", "conversations.open":
		return tier3
	case "chat.postEphemeral", "users.info", "views.open", "views.update":
		return tier4
	case "chat.postMessage", "auth.test":
		return special
	default:
		return 0
	}
}
