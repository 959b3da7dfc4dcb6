// The examples' words, in English and Korean. `?lang=ko` or `?lang=en` overrides the browser's languages.

const words = {
    en: {
        drop: 'File drop',
        dropHint: 'Whatever is chosen here goes straight to everybody who has this page open.',
        here: 'Others here:',
        files: 'Files',
        received: 'received',
        sent: 'sent',
        save: 'Save',
        declined: 'declined',
        cancelled: 'cancelled',
        failed: 'failed',
        view: 'One to many',
        viewHint: 'One shows, the others watch.',
        show: 'Show my camera',
        watched: 'Watched by {count}',
        waiting: 'Nobody shows anything yet.',
        ringing: 'Calling…',
        connecting: 'Connecting…',
        connected: 'Watching',
        reconnecting: 'The picture is coming back…',
        ended: 'It is over.',
        simplePeerHint: 'Connections by the library simple-peer; roomline carries their signals.',
        connections: 'Connected with {count}',
        text: 'Text',
        send: 'Send',
    },
    ko: {
        drop: '파일 보내기',
        dropHint: '여기서 고른 파일은 이 페이지를 열어 둔 모두에게 바로 갑니다.',
        here: '함께 있는 사람:',
        files: '파일',
        received: '받음',
        sent: '보냄',
        save: '저장',
        declined: '거절됨',
        cancelled: '취소됨',
        failed: '실패',
        view: '한 사람이 여럿에게',
        viewHint: '한 사람이 보여 주고 다른 사람들이 봅니다.',
        show: '내 카메라 보여 주기',
        watched: '{count}명이 보는 중',
        waiting: '아직 아무도 보여 주지 않습니다.',
        ringing: '거는 중…',
        connecting: '연결하는 중…',
        connected: '보는 중',
        reconnecting: '화면을 다시 불러오는 중…',
        ended: '끝났습니다.',
        simplePeerHint: '연결은 simple-peer 라이브러리가 맡고, 시그널은 roomline이 전합니다.',
        connections: '{count}명과 연결됨',
        text: '글',
        send: '보내기',
    },
};

const wanted = [new URLSearchParams(location.search).get('lang'), ...navigator.languages];
const language =
    wanted.map((tag) => tag?.slice(0, 2).toLowerCase()).find((tag) => Object.hasOwn(words, tag)) ??
    'en';

export function t(key, values = {}) {
    return (words[language][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function translate() {
    document.documentElement.lang = language;
    for (const element of document.querySelectorAll('[data-t]'))
        element.textContent = t(element.dataset.t);
    for (const element of document.querySelectorAll('[data-t-label]'))
        element.ariaLabel = t(element.dataset.tLabel);
}
