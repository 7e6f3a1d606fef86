package deploy

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
	for _, m := range append(kubernetes(app), istio(app)...) {
		content, err := m.encode()
		if err != nil {
			return nil, err
		}
		files[m.file] = content
	}
	config, err := serviceConfig(app)
	if err != nil {
		return nil, err
	}
	files[serviceConfigFile] = config
	return files, nil
}
