{{- define "roomline.selector" -}}
app.kubernetes.io/name: roomline
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "roomline.labels" -}}
{{ include "roomline.selector" . }}
app.kubernetes.io/part-of: roomline
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "roomline.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- /* 5 s preStop, drain.deadline, 5 s timeouts.close, 8 s to leave the cluster. */ -}}
{{- define "roomline.grace" -}}
{{ add 5 (trimSuffix "s" .Values.config.drain.deadline | int) 5 8 }}
{{- end }}
