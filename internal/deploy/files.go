package deploy

import "slices"

// Files returns the files for app, keyed by slash-separated path. The error lists everything that
// is wrong with app, one problem per line.
func Files(app App) (map[string][]byte, error) {
	if err := check(app); err != nil {
		return nil, err
	}
	files := map[string][]byte{
		"Dockerfile":              dockerfile(app),
		"Dockerfile.dockerignore": dockerignore(),
	}
	manifests := slices.Concat(kubernetes(app), istio(app), gateway(app))
	if app.Monitoring {
		manifests = append(manifests, monitoring(app)...)
		text, err := dashboard(app)
		if err != nil {
			return nil, err
		}
		files[dashboardFile] = text
	}
	for _, m := range manifests {
		content, err := m.encode()
		if err != nil {
			return nil, err
		}
		if others := files[m.file]; len(others) > 0 {
			content = slices.Concat(others, []byte("---\n"), content)
		}
		files[m.file] = content
	}
	config, err := serviceConfig(app)
	if err != nil {
		return nil, err
	}
	files[serviceConfigFile] = config
	if err := checkSize(files); err != nil {
		return nil, err
	}
	return files, nil
}
