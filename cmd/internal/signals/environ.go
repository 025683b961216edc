package signals

import (
	"cmp"
	"net"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"

	"github.com/theriac/theriac/internal/problem"
)

// variables are those that are read here; the SDK reads more.
type variables struct {
	Disabled        string `env:"OTEL_SDK_DISABLED"`
	Service         string `env:"OTEL_SERVICE_NAME"`
	Endpoint        string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	TracesEndpoint  string `env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"`
	MetricsEndpoint string `env:"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"`
	Protocol        string `env:"OTEL_EXPORTER_OTLP_PROTOCOL"`
	TracesProtocol  string `env:"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"`
	MetricsProtocol string `env:"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"`
	TracesExporter  string `env:"OTEL_TRACES_EXPORTER"`
	MetricsExporter string `env:"OTEL_METRICS_EXPORTER"`
	ScheduleDelay   string `env:"OTEL_BSP_SCHEDULE_DELAY"`
	Host            string `env:"OTEL_EXPORTER_PROMETHEUS_HOST"`
	Port            string `env:"OTEL_EXPORTER_PROMETHEUS_PORT"`
}

// protocol is the only one that we speak.
const protocol = "http/protobuf"

func parse(environ []string) (variables, error) {
	v, err := env.ParseAsWithOptions[variables](env.Options{Environment: env.ToMap(environ)})
	if err != nil {
		return v, problem.Errorf(problem.Invalid, "read the variables of OpenTelemetry: %w", err)
	}
	return v, nil
}

// disabled: the SDK is off for everything.
func (v variables) disabled() bool { return strings.EqualFold(v.Disabled, "true") }

// traces and metrics report whether a collector is to have them, and which protocol is asked for.
func (v variables) traces() (wanted bool, asked string) {
	return collects(v.TracesExporter, v.TracesEndpoint, v.Endpoint), cmp.Or(v.TracesProtocol, v.Protocol, protocol)
}

func (v variables) metrics() (wanted bool, asked string) {
	return collects(v.MetricsExporter, v.MetricsEndpoint, v.Endpoint), cmp.Or(v.MetricsProtocol, v.Protocol, protocol)
}

func collects(exporter string, endpoints ...string) bool {
	return cmp.Or(endpoints...) != "" && (exporter == "" || slices.Contains(strings.Split(exporter, ","), "otlp"))
}

// Listen is where /metrics is, by the environment: localhost:9464.
func Listen(environ []string) (string, error) {
	v, err := parse(environ)
	return net.JoinHostPort(cmp.Or(v.Host, "localhost"), cmp.Or(v.Port, "9464")), err
}
