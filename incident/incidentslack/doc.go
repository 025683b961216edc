// Package incidentslack brings the incident workflow to Slack, and what people do there back to it.
//
//	chat := incidentslack.NewChat(client.Share(slackkit.Critical), logger)       // for workflow.Deps.Chat
//	in, err := incidentslack.NewIntake(incidentslack.IntakeConfig{Service: svc, Client: client})
//	workflow.All(workflow.Deps{Service: svc, Chat: chat, Slack: in.Registrations()})
//	slackkit.NewInteractions(slackkit.InteractionsConfig{Accept: in.Accept, Handle: in.Handle, …})
//
// # Out
//
// [Chat] makes channels, invites, posts and edits. A channel is known by the incident's id in its purpose
// and by its creator, a message by a mark that no person sees; so what a lost answer left behind is found
// again and never made twice. A channel that was made and says nothing yet is the app's that died before
// it could.
//
// # In
//
// A request is kept before Slack is answered, under an id that Slack gives it, and done once, under that
// id as key: whoever comes second, the handler or another process or an impatient finger, finds it done.
//
//	what                            where                     with every worker dead
//	declare, test, ack              in place, within 1.5 s    works
//	a window                        in place                  opens; what is filled in waits, but for declare
//	all other commands and clicks   slack.command,            waits, which its person reads at once; after
//	                                slack.interaction         15 min they are asked to do it again
//	events in channels              slack-activity            wait
//
// What is done in place has a head start of 5 s before the handler is asked to do it. A modal is one deed
// however often it is submitted, until it was refused within the modal.
//
// # Who
//
// A user of Slack's is the person of the directory with that Slack id, and nobody else: neither name nor
// address counts. Viewers read, responders run verbs. A private incident is there for those who take part,
// and for admins, whose look is written down; who was called may answer although they do not see it.
// Whoever is refused, too late, or lost a race reads why, alone.
//
// # What is kept of people
//
// Events count who was active and when, in channels of incidents only. The text of a message is kept if
// somebody pinned it or put it into the timeline, and then its later versions too. A version that is
// written between the pin and the moment when a worker made a line of it is not kept. A response_url is
// kept with its request; Slack forgets it after half an hour.
package incidentslack
