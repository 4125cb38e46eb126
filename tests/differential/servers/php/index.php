<?php
// What PHP itself read of an upload, as JSON.
$parts = [];
function collect(array &$parts, string $name, $value): void {
    if (is_array($value)) {
        foreach ($value as $key => $one) { collect($parts, "{$name}[{$key}]", $one); }
    } else {
        $parts[] = ['name' => $name, 'filename' => null, 'content' => base64_encode((string) $value)];
    }
}
function collect_file(array &$parts, string $name, array $file): void {
    if (is_array($file['tmp_name'])) {
        foreach (array_keys($file['tmp_name']) as $key) {
            $one = [];
            foreach (['name', 'full_path', 'tmp_name', 'error'] as $field) { $one[$field] = $file[$field][$key] ?? ''; }
            collect_file($parts, "{$name}[{$key}]", $one);
        }
        return;
    }
    $content = is_uploaded_file($file['tmp_name']) ? file_get_contents($file['tmp_name']) : '';
    $parts[] = ['name' => $name, 'filename' => $file['name'], 'content' => base64_encode($content)];
}
foreach ($_POST as $name => $value) { collect($parts, (string) $name, $value); }
foreach ($_FILES as $name => $file) { collect_file($parts, (string) $name, $file); }
header('Content-Type: application/json');
header('Connection: close');
echo json_encode(['parts' => $parts, 'error' => ''], JSON_INVALID_UTF8_SUBSTITUTE);
