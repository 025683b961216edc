UPDATE theriac.notifier SET until = clock_timestamp() WHERE holder = $1 AND until > clock_timestamp()
