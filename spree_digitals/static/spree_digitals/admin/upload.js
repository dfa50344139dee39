// Shows how much of a file was sent. Without this file the form is sent as any other.
'use strict';
{
    function readable(bytes) {
        const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
        const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log(bytes) / Math.log(1024)));
        const digits = power ? 1 : 0;
        const style = {style: 'unit', unit: units[power], unitDisplay: 'short', maximumFractionDigits: digits};
        return new Intl.NumberFormat(document.documentElement.lang || 'en', style).format(bytes / 1024 ** power);
    }

    class Upload {
        constructor(form, input, submitter) {
            this.form = form;
            this.texts = input.dataset;
            this.size = input.files[0].size;
            this.submitter = submitter;
            this.panel = form.querySelector(':scope > .upload-progress') || this.build();
            this.bar = this.panel.querySelector('progress');
            this.said = this.panel.querySelector('p');
            this.button = this.panel.querySelector('button');
            this.button.onclick = () => this.request.abort();
        }

        build() {
            const panel = document.createElement('div');
            panel.className = 'upload-progress';
            const said = document.createElement('p');
            said.setAttribute('role', 'status');
            const bar = document.createElement('progress');
            bar.max = 1;
            const button = document.createElement('button');
            button.type = 'button';
            button.className = 'button';
            button.textContent = this.texts.cancel;
            panel.append(said, bar, button);
            this.form.append(panel);
            return panel;
        }

        start() {
            const data = new FormData(this.form);
            if (this.submitter?.name) {
                data.append(this.submitter.name, this.submitter.value);
            }
            this.running(true);
            this.progress(0, this.size);
            this.panel.scrollIntoView({block: 'center'});
            const request = this.request = new XMLHttpRequest();
            request.upload.onprogress = event => this.progress(event.loaded, event.total);
            request.upload.onload = () => this.storing();
            request.onload = () => this.answered();
            request.onerror = () => this.stop(this.texts.offline);
            request.onabort = () => this.stop(this.texts.cancelled, false);
            request.open('POST', this.form.getAttribute('action') || window.location.href);
            request.send(data);
        }

        running(yes) {
            this.form.dataset.uploading = yes ? 'yes' : '';
            this.form.querySelectorAll('[type=submit]').forEach(button => { button.disabled = yes; });
            this.bar.hidden = this.button.hidden = !yes;
            this.panel.classList.remove('upload-problem');
            this.panel.hidden = false;
            const warn = yes ? 'addEventListener' : 'removeEventListener';
            window[warn]('beforeunload', Upload.warn);
        }

        progress(sent, size) {
            this.bar.value = sent / size;
            const text = this.texts.sent.replace('{sent}', readable(sent)).replace('{size}', readable(size));
            if (this.said.textContent !== text) {
                this.said.textContent = text;
            }
        }

        storing() {
            this.bar.removeAttribute('value');
            this.said.textContent = this.texts.storing;
            this.button.hidden = true; // too late: the server has it
        }

        stop(text, problem = true) {
            this.running(false);
            this.said.textContent = text;
            this.panel.classList.toggle('upload-problem', problem);
            this.submitter?.focus();
        }

        answered() {
            const {status, responseText} = this.request;
            const page = new DOMParser().parseFromString(responseText, 'text/html');
            if (status === 413) {
                this.stop(this.texts.large);
            } else if (status === 403 || page.getElementById('login-form')) {
                this.stop(this.texts.refused);
            } else if (status < 200 || status >= 400) {
                this.stop(this.texts.failed.replace('{status}', status));
            } else if (page.querySelector('.errornote')) {
                this.showErrors(page);
                this.stop(this.texts.invalid);
            } else {
                this.leave(page);
            }
        }

        // The page stays as it is, with the file that was chosen; a new page would have forgotten it.
        showErrors(page) {
            this.form.querySelectorAll('.errornote, .errorlist').forEach(element => element.remove());
            this.form.querySelectorAll('.errors').forEach(row => row.classList.remove('errors'));
            const note = document.importNode(page.querySelector('.errornote'), true);
            this.form.prepend(note);
            page.querySelectorAll('form .errorlist').forEach(list => {
                const row = list.closest('.form-row');
                const name = row?.querySelector('input, select, textarea')?.name;
                const own = name && this.form.elements.namedItem(name);
                const place = own?.closest?.('.form-row');
                place?.classList.add('errors');
                (place || note)[place ? 'prepend' : 'after'](document.importNode(list, true));
            });
            note.scrollIntoView({block: 'center'});
        }

        // The browser followed the redirect already. Fetched again, that page would have lost its message.
        leave(page) {
            const {responseText, responseURL} = this.request;
            window.removeEventListener('beforeunload', Upload.warn);
            if (page.querySelector('script[nonce]')) { // these run only in a page that was fetched for itself
                window.location.assign(responseURL);
                return;
            }
            window.history.replaceState(null, '', responseURL);
            document.open();
            document.write(responseText);
            document.close();
        }

        static warn(event) {
            event.preventDefault();
        }
    }

    document.addEventListener('submit', event => {
        const form = event.target;
        const inputs = [...form.querySelectorAll('input[type=file][data-upload]')];
        const chosen = inputs.find(input => input.files.length);
        if (form.dataset.uploading) {
            event.preventDefault();
        } else if (chosen && !form.elements.namedItem('_popup') && !event.defaultPrevented) {
            event.preventDefault();
            new Upload(form, chosen, event.submitter).start();
        }
    });
}
