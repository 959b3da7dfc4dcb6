// The pages' words. `?lang=ko` or `?lang=en` overrides the browser's languages.

export const words = {
    en: {
        tagline: 'Talk face to face, straight from browser to browser.',
        name: 'Your name',
        room: 'Room',
        roomHint: 'Everyone with the same room name meets there.',
        join: 'Join',
        joining: 'Joining…',
        leave: 'Leave',
        copyLink: 'Copy link',
        copied: 'Link copied',
        hereNow: 'Here now',
        you: 'you',
        away: 'Away for a moment',
        busy: 'In a call',
        here: 'Ready to talk',
        call: 'Call',
        callName: 'Call {name}',
        alone: 'Nobody else is here yet.',
        aloneHint: 'Send the link to whoever you want to talk to.',
        selfHint: 'This is you. Press Call next to a name.',
        selfHintAlone: 'This is you. Waiting for somebody to come.',
        calling: 'Calling {name}…',
        connecting: 'Connecting…',
        reconnecting: 'The picture is coming back…',
        incoming: '{name} is calling',
        accept: 'Accept',
        decline: 'Decline',
        hangUp: 'Hang up',
        microphone: 'Microphone',
        camera: 'Camera',
        chat: 'Chat',
        chatHint: 'Say something',
        chatEmpty: 'Messages go straight to {name} and are kept nowhere.',
        send: 'Send',
        'media-none': 'No camera or microphone was found. You can still see and hear the others.',
        'media-no-camera': 'No camera was found. The others will hear you.',
        'media-no-microphone': 'No microphone was found. The others will see you.',
        'media-refused':
            'The browser may not use your camera and microphone. You can allow it next to the address, then reload.',
        'media-in-use': 'Another program is using the camera. Close it and reload to be seen.',
        'media-insecure': 'Browsers give the camera only to https pages and to localhost.',
        'link-lost': 'Connection lost. Trying to get back…',
        'link-lost-in-call': 'Connection to the room lost. Your call goes on while we get back…',
        'link-slow': 'The server does not answer yet. Still trying…',
        'closed-name-taken': '{name} is already here. How about this name?',
        'closed-peer-taken': 'Your place in this room is still taken. Try again in a moment.',
        'closed-room-full': 'This room is full.',
        'closed-room-locked': 'This room is locked.',
        'closed-room-closed': 'This room was closed.',
        'closed-kicked': 'You were asked to leave this room.',
        'closed-moved': 'You went on in another tab.',
        'closed-unauthorized': 'You need an invitation to this room.',
        'closed-forbidden': 'Your invitation is not for this room.',
        'closed-bad-name': 'A room name can’t hold a slash, and has 128 bytes at most.',
        'closed-other': 'The server closed the connection ({reason}).',
        'ended-hangup': 'The call with {name} is over.',
        'ended-declined': '{name} can’t talk now.',
        'ended-busy': '{name} is in another call.',
        'ended-no-answer': '{name} does not answer.',
        'ended-gone': '{name} has left.',
        'ended-lost': 'The connection to {name} was lost.',
        missed: 'You missed a call from {name}.',
        caller: 'Caller',
        callerHint: 'Everybody in the room is in the list.',
        openCaller: 'Open a caller',
        callee: 'Callee',
        calleeHint: 'Whoever calls this ID is answered at once.',
        openCallee: 'Open a callee',
    },
    ko: {
        tagline: '브라우저에서 브라우저로, 얼굴 보며 바로 이야기하세요.',
        name: '이름',
        room: '방',
        roomHint: '같은 방 이름을 쓰는 사람끼리 만납니다.',
        join: '들어가기',
        joining: '들어가는 중…',
        leave: '나가기',
        copyLink: '링크 복사',
        copied: '복사했습니다',
        hereNow: '지금 있는 사람',
        you: '나',
        away: '잠시 자리 비움',
        busy: '통화 중',
        here: '통화할 수 있음',
        call: '통화',
        callName: '{name} 님에게 전화 걸기',
        alone: '아직 아무도 없습니다.',
        aloneHint: '이야기하고 싶은 사람에게 링크를 보내세요.',
        selfHint: '내 모습입니다. 이름 옆의 통화를 누르세요.',
        selfHintAlone: '내 모습입니다. 다른 사람을 기다리고 있습니다.',
        calling: '{name} 님에게 거는 중…',
        connecting: '연결하는 중…',
        reconnecting: '화면을 다시 불러오는 중…',
        incoming: '{name} 님의 전화',
        accept: '받기',
        decline: '거절',
        hangUp: '끊기',
        microphone: '마이크',
        camera: '카메라',
        chat: '채팅',
        chatHint: '메시지 입력',
        chatEmpty: '메시지는 {name} 님에게 바로 전달되며 어디에도 저장되지 않습니다.',
        send: '보내기',
        'media-none': '카메라와 마이크를 찾지 못했습니다. 상대방을 보고 들을 수는 있습니다.',
        'media-no-camera': '카메라를 찾지 못했습니다. 목소리만 전달됩니다.',
        'media-no-microphone': '마이크를 찾지 못했습니다. 화면만 전달됩니다.',
        'media-refused':
            '카메라와 마이크 사용이 차단되어 있습니다. 주소창 옆에서 허용한 뒤 새로고침하세요.',
        'media-in-use':
            '다른 프로그램이 카메라를 쓰고 있습니다. 그 프로그램을 닫고 새로고침하세요.',
        'media-insecure': '카메라는 https 페이지나 localhost에서만 쓸 수 있습니다.',
        'link-lost': '연결이 끊겼습니다. 다시 연결하는 중…',
        'link-lost-in-call': '방과의 연결이 끊겼습니다. 통화는 계속되며, 다시 연결하는 중…',
        'link-slow': '서버가 아직 응답하지 않습니다. 계속 시도하는 중…',
        'closed-name-taken': '{name} 님이 이미 있습니다. 이 이름은 어떠세요?',
        'closed-peer-taken': '이 방의 내 자리가 아직 비지 않았습니다. 잠시 뒤에 다시 시도하세요.',
        'closed-room-full': '방이 가득 찼습니다.',
        'closed-room-locked': '잠긴 방입니다.',
        'closed-room-closed': '방이 닫혔습니다.',
        'closed-kicked': '방에서 내보내졌습니다.',
        'closed-moved': '다른 탭에서 계속하고 있습니다.',
        'closed-unauthorized': '이 방에 들어가려면 초대가 필요합니다.',
        'closed-forbidden': '이 방의 초대가 아닙니다.',
        'closed-bad-name': '방 이름에는 빗금(/)을 쓸 수 없고, 길이는 128바이트까지입니다.',
        'closed-other': '서버가 연결을 닫았습니다 ({reason}).',
        'ended-hangup': '{name} 님과의 통화가 끝났습니다.',
        'ended-declined': '{name} 님이 지금 통화할 수 없습니다.',
        'ended-busy': '{name} 님은 다른 통화 중입니다.',
        'ended-no-answer': '{name} 님이 받지 않습니다.',
        'ended-gone': '{name} 님이 나갔습니다.',
        'ended-lost': '{name} 님과의 연결이 끊겼습니다.',
        missed: '{name} 님의 부재중 전화가 있습니다.',
        caller: '거는 쪽',
        callerHint: '방에 있는 모든 사람이 목록에 나옵니다.',
        openCaller: '거는 쪽 열기',
        callee: '받는 쪽',
        calleeHint: '이 ID로 걸려 오는 전화는 바로 받습니다.',
        openCallee: '받는 쪽 열기',
    },
};

const wanted = [new URLSearchParams(location.search).get('lang'), ...navigator.languages];
export const language =
    wanted.map((tag) => tag?.slice(0, 2).toLowerCase()).find((tag) => Object.hasOwn(words, tag)) ??
    'en';

export const has = (key) => Object.hasOwn(words[language], key);

export function t(key, values = {}) {
    return words[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// Fills in elements with data-t (text), data-t-label (accessible name) and data-t-placeholder.
export function translate(root = document) {
    document.documentElement.lang = language;
    for (const element of root.querySelectorAll('[data-t]'))
        element.textContent = t(element.dataset.t);
    for (const element of root.querySelectorAll('[data-t-label]')) {
        element.ariaLabel = element.title = t(element.dataset.tLabel);
    }
    for (const element of root.querySelectorAll('[data-t-placeholder]')) {
        element.placeholder = t(element.dataset.tPlaceholder);
    }
}
