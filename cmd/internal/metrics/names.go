package metrics

// The names of what the server itself tells; all others are consumer/telemetry's.
const (
	metricRoleUp  = "theriac.role.up"
	metricRefused = "theriac.metrics.refused"
	labelRole     = "role"
)

// attributeRole names the role of a process in its resource. Its incarnation is its
// service.instance.id.
const (
	attributeRole     = "theriac.role"
	attributeInstance = "service.instance.id"
)
