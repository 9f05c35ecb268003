// Package manifests holds examples/kubernetes against the types of Kubernetes' API
// and of the Prometheus operator's: a field that does not exist, or is of another
// kind, is an error, as it is for a cluster that validates strictly. It is a module of
// its own, so that those types are in no other; .ci/run runs it. What the manifests
// say of the server, TestKubernetesExample in server checks.
package manifests

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

const folder = "../../examples/kubernetes"

// types are those of the manifests, by apiVersion and kind.
var types = map[meta.TypeMeta]func() meta.Object{
	{APIVersion: "v1", Kind: "ConfigMap"}:                            func() meta.Object { return new(core.ConfigMap) },
	{APIVersion: "v1", Kind: "Service"}:                              func() meta.Object { return new(core.Service) },
	{APIVersion: "apps/v1", Kind: "Deployment"}:                      func() meta.Object { return new(apps.Deployment) },
	{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"}:           func() meta.Object { return new(policy.PodDisruptionBudget) },
	{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}:      func() meta.Object { return new(networking.NetworkPolicy) },
	{APIVersion: "monitoring.coreos.com/v1", Kind: "ServiceMonitor"}: func() meta.Object { return new(monitoring.ServiceMonitor) },
}

// read decodes all manifests, strictly.
func read(t *testing.T) (all []meta.Object) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) < 6 {
		t.Fatalf("%s has %q (%v)", folder, files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range bytes.Split(text, []byte("\n---\n")) {
			var kind meta.TypeMeta
			if err := yaml.Unmarshal(document, &kind); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			make := types[kind]
			if make == nil {
				t.Fatalf("%s: %v is no type that is known here", file, kind)
			}
			object := make()
			if err := yaml.UnmarshalStrict(document, object); err != nil {
				t.Errorf("%s: %s: %v", file, kind.Kind, err)
			}
			all = append(all, object)
		}
	}
	return all
}

// one is the manifest of a type that has that name.
func one[T meta.Object](t *testing.T, all []meta.Object, name string) (found T) {
	t.Helper()
	for _, object := range all {
		if typed, ok := object.(T); ok && object.GetName() == name {
			return typed
		}
	}
	t.Fatalf("there is no %v %s", reflect.TypeFor[T](), name)
	return found
}

// TestStrict: a misspelt field is found, so that what passes has none.
func TestStrict(t *testing.T) {
	for about, text := range map[string]string{
		"a field of another name": "spec: {replica: 2}",
		"another kind of value":   "spec: {replicas: two}",
		"a field twice":           "spec: {replicas: 2, replicas: 3}",
	} {
		if err := yaml.UnmarshalStrict([]byte(text), new(apps.Deployment)); err == nil {
			t.Errorf("%s passes", about)
		}
	}
}

// TestManifests: the manifests fit together. Selectors select the pods and the
// Service that are meant, ports are those of the container, volumes exist, and what
// they are made of does or is named in the Deployment's head.
func TestManifests(t *testing.T) {
	all := read(t)
	deployment := one[*apps.Deployment](t, all, "hotpath")
	pod := deployment.Spec.Template
	selects := func(what string, selector map[string]string, labels map[string]string) {
		t.Helper()
		if len(selector) == 0 {
			t.Errorf("%s selects everything", what)
		}
		for name, value := range selector {
			if labels[name] != value {
				t.Errorf("%s selects %s=%s, the labels are %v", what, name, value, labels)
			}
		}
	}
	selects("the Deployment", deployment.Spec.Selector.MatchLabels, pod.Labels)
	selects("the PodDisruptionBudget", one[*policy.PodDisruptionBudget](t, all, "hotpath").Spec.Selector.MatchLabels, pod.Labels)
	for _, c := range pod.Spec.TopologySpreadConstraints {
		selects("the spread", c.LabelSelector.MatchLabels, pod.Labels)
	}

	ports := make(map[string]int32)
	container := pod.Spec.Containers[0]
	for _, p := range container.Ports {
		ports[p.Name] = p.ContainerPort
	}
	port := func(what string, p intstr.IntOrString) {
		t.Helper()
		if ports[p.StrVal] == 0 {
			t.Errorf("%s is for port %v, the container has %v", what, p.String(), slices.Collect(maps.Keys(ports)))
		}
	}
	admin := one[*core.Service](t, all, "hotpath-admin")
	for _, s := range []*core.Service{one[*core.Service](t, all, "hotpath"), admin} {
		selects("the Service "+s.Name, s.Spec.Selector, pod.Labels)
		port("the Service "+s.Name, s.Spec.Ports[0].TargetPort)
	}
	port("the probe", container.ReadinessProbe.HTTPGet.Port)
	network := one[*networking.NetworkPolicy](t, all, "hotpath")
	selects("the NetworkPolicy", network.Spec.PodSelector.MatchLabels, pod.Labels)
	for _, rule := range network.Spec.Ingress {
		port("the NetworkPolicy", *rule.Ports[0].Port)
		if public := rule.Ports[0].Port.StrVal == "https"; public != (len(rule.From) == 0) {
			t.Errorf("the NetworkPolicy lets %v reach %v", rule.From, rule.Ports[0].Port)
		}
	}
	monitor := one[*monitoring.ServiceMonitor](t, all, "hotpath")
	selects("the ServiceMonitor", monitor.Spec.Selector.MatchLabels, admin.Labels)
	if scraped := monitor.Spec.Endpoints[0]; scraped.Port != admin.Spec.Ports[0].Name || admin.Labels[monitor.Spec.JobLabel] != "hotpath" {
		t.Errorf("the ServiceMonitor asks port %s for the job %s", scraped.Port, admin.Labels[monitor.Spec.JobLabel])
	}

	head, err := os.ReadFile(filepath.Join(folder, "deployment.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	volumes := make(map[string]bool)
	for _, v := range pod.Spec.Volumes {
		volumes[v.Name] = true
		switch {
		case v.ConfigMap != nil:
			one[*core.ConfigMap](t, all, v.ConfigMap.Name)
		case v.Secret != nil:
			if !bytes.Contains(head, []byte(" "+v.Secret.SecretName+" --from-literal=token")) && !bytes.Contains(head, []byte("secret tls "+v.Secret.SecretName)) {
				t.Errorf("nothing says how the Secret %s is made", v.Secret.SecretName)
			}
		default:
			t.Errorf("the volume %s is of another kind", v.Name)
		}
	}
	for _, m := range container.VolumeMounts {
		if !volumes[m.Name] || !m.ReadOnly || m.SubPath != "" {
			t.Errorf("mounted is %+v, want a volume that exists, read-only and whole", m)
		}
	}
	if key := monitor.Spec.Endpoints[0].Authorization.Credentials; key.Name != "hotpath-admin" || key.Key != "token" {
		t.Errorf("the ServiceMonitor's token is %v", key)
	}
	if links := pod.Spec.EnableServiceLinks; links == nil || *links {
		t.Error("the Service makes variables in the pods which the server refuses")
	}
}
