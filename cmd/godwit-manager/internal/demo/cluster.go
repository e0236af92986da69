package demo

// nodeSpec is the template of the demo's nodes.
func nodeSpec() map[string]any {
	return map[string]any{
		"report_interval_s": 2,
		"node":              map[string]any{"send_cap_mbps": nodeCapMbps, "receive_cap_mbps": nodeCapMbps, "max_sessions": 50},
	}
}

// policy is that of the demo's cluster.
func policy() map[string]any {
	on, off := map[string]any{"enabled": true, "cap": 0}, map[string]any{"enabled": false, "cap": 0}
	return map[string]any{
		"max_nodes": maxNodes, "min_available": minAvailable, "min_idle": 0,
		"min_threshold": 0.5, "max_threshold": 0.8,
		"session_rate_mbps":  sessionRateMbps,
		"launch_limit":       map[string]int{"count": 2, "per_seconds": 5},
		"scale_out_window_s": 2, "scale_in_window_s": scaleInSeconds, "drain_timeout_s": 60,
		"launch_timeout_s": 30, "report_timeout_s": 8, "degraded_grace_s": 6, "lost_grace_s": 4,
		// Nodes and clients share this machine's processors here, so CPU and
		// buffers say nothing about one node.
		"signals": map[string]any{"send": on, "receive": on, "cpu": off, "buffer": off, "sessions": on},
	}
}
