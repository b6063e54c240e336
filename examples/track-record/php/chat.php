<?php
// A chat whose messages are in PHP's session, for PHP's own web server: see serve.sh.

const HISTORY_LIMIT = 15; // messages kept per session: the newest

function answer(int $status, $body): void
{
    http_response_code($status);
    header('Content-Type: application/json');
    echo json_encode($body);
}

$request = $_SERVER['REQUEST_METHOD'] . ' ' . $_SERVER['REQUEST_URI'];
if ($request === 'GET /healthz') {
    answer(200, ['status' => 'ok']);
    return;
}
session_start(['use_strict_mode' => 1]); // an id that the store does not know gets a new session
if ($request === 'POST /sessions') {
    $_SESSION['messages'] = [];
    answer(201, new stdClass());
    return;
}
if (!isset($_SESSION['messages'])) {
    session_destroy(); // the one that session_start has made
    answer(404, ['error' => 'no session']);
    return;
}
switch ($request) {
    case 'POST /messages':
        ['role' => $role, 'content' => $content] = json_decode(file_get_contents('php://input'), true);
        usleep(1000); // like a call of a language model
        $_SESSION['messages'] = array_slice([...$_SESSION['messages'], ['role' => $role, 'content' => $content]], -HISTORY_LIMIT);
        answer(201, new stdClass());
        break;
    case 'GET /messages':
        answer(200, ['messages' => $_SESSION['messages']]);
        break;
    case 'DELETE /sessions':
        getenv('DELETE') === 'empty' ? session_unset() : session_destroy();
        http_response_code(204);
        break;
    default:
        http_response_code(404);
}
