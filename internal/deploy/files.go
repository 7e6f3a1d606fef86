package deploy

// Files returns the files for app by their slash-separated paths. The error is all that is wrong with app, a line each.
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
