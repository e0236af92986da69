package gcesim

// The bodies, as far as they matter here, by the names of the reference. What
// comes in besides is refused: the provider must not rely on what is not tested.

type instance struct {
	ID                 uint64             `json:"id,omitempty,string"`
	Name               string             `json:"name"`
	Zone               string             `json:"zone,omitempty"`
	Description        string             `json:"description,omitempty"`
	MachineType        string             `json:"machineType"`
	Status             string             `json:"status,omitempty"`
	StatusMessage      string             `json:"statusMessage,omitempty"`
	CreationTimestamp  string             `json:"creationTimestamp,omitempty"`
	Labels             map[string]string  `json:"labels,omitempty"`
	Metadata           *metadata          `json:"metadata,omitempty"`
	Tags               *tags              `json:"tags,omitempty"`
	Disks              []*disk            `json:"disks,omitempty"`
	NetworkInterfaces  []networkInterface `json:"networkInterfaces,omitempty"`
	ServiceAccounts    []serviceAccount   `json:"serviceAccounts,omitempty"`
	Scheduling         *scheduling        `json:"scheduling,omitempty"`
	ShieldedConfig     *shielded          `json:"shieldedInstanceConfig,omitempty"`
	DeletionProtection bool               `json:"deletionProtection,omitempty"`
	ResourceStatus     *resourceStatus    `json:"resourceStatus,omitempty"`
}

type metadata struct {
	Items []item `json:"items"`
}

type item struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type tags struct {
	Items []string `json:"items"`
}

type disk struct {
	AutoDelete bool        `json:"autoDelete"`
	Boot       bool        `json:"boot,omitempty"`
	Type       string      `json:"type,omitempty"`
	DeviceName string      `json:"deviceName,omitempty"`
	Source     string      `json:"source,omitempty"`
	Initialize *initialize `json:"initializeParams,omitempty"`
}

type initialize struct {
	DiskName    string            `json:"diskName,omitempty"`
	DiskSizeGB  int64             `json:"diskSizeGb,omitempty,string"`
	DiskType    string            `json:"diskType,omitempty"`
	SourceImage string            `json:"sourceImage,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
}

type networkInterface struct {
	Subnetwork    string         `json:"subnetwork,omitempty"`
	Network       string         `json:"network,omitempty"`
	NetworkIP     string         `json:"networkIP,omitempty"`
	AccessConfigs []accessConfig `json:"accessConfigs,omitempty"`
}

type accessConfig struct {
	Name        string `json:"name,omitempty"`
	Type        string `json:"type,omitempty"`
	NatIP       string `json:"natIP,omitempty"`
	NetworkTier string `json:"networkTier,omitempty"`
}

type serviceAccount struct {
	Email  string   `json:"email"`
	Scopes []string `json:"scopes"`
}

type scheduling struct {
	AutomaticRestart          *bool  `json:"automaticRestart,omitempty"`
	OnHostMaintenance         string `json:"onHostMaintenance,omitempty"`
	ProvisioningModel         string `json:"provisioningModel,omitempty"`
	InstanceTerminationAction string `json:"instanceTerminationAction,omitempty"`
	Preemptible               bool   `json:"preemptible,omitempty"`
}

type shielded struct {
	EnableSecureBoot          bool `json:"enableSecureBoot"`
	EnableVtpm                bool `json:"enableVtpm"`
	EnableIntegrityMonitoring bool `json:"enableIntegrityMonitoring"`
}

type resourceStatus struct {
	UpcomingMaintenance *maintenance `json:"upcomingMaintenance,omitempty"`
}

type maintenance struct {
	Type              string `json:"type"`
	MaintenanceStatus string `json:"maintenanceStatus"`
	WindowStartTime   string `json:"windowStartTime"`
}

type operation struct {
	ID            uint64          `json:"id,string"`
	Name          string          `json:"name"`
	Zone          string          `json:"zone"`
	OperationType string          `json:"operationType"`
	TargetLink    string          `json:"targetLink"`
	Status        string          `json:"status"`
	Progress      int             `json:"progress"`
	InsertTime    string          `json:"insertTime"`
	Error         *operationError `json:"error,omitempty"`
	HTTPStatus    int             `json:"httpErrorStatusCode,omitempty"`
	HTTPMessage   string          `json:"httpErrorMessage,omitempty"`
}

type operationError struct {
	Errors []errorItem `json:"errors"`
}

type errorItem struct {
	Code    string `json:"code,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Domain  string `json:"domain,omitempty"`
	Message string `json:"message"`
}

// diskRecord is a disk as a resource of its own.
type diskRecord struct {
	Name              string            `json:"name"`
	Zone              string            `json:"zone"`
	SizeGB            int64             `json:"sizeGb,string"`
	Labels            map[string]string `json:"labels,omitempty"`
	Users             []string          `json:"users,omitempty"`
	CreationTimestamp string            `json:"creationTimestamp"`
	Status            string            `json:"status"`
}
